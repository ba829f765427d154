# Scaling without a controller, of a fleet of one task. Out by target tracking, from zero by an alarm. SQS reports
# nothing for a queue that was silent for six hours, and takes up to 15 minutes to begin again. Idle machines end
# themselves, so nothing scales in here.

locals {
  is_tracked = var.create && var.scaling == "cloudwatch"
  queues     = { v = "${var.name}--${coalesce(var.scaling_task, "none")}", ve = "${var.name}--${coalesce(var.scaling_task, "none")}--events" }
  # Jobs that one machine does in five minutes: the controller learns it, this does not.
  target_jobs = 100
}

resource "aws_autoscaling_policy" "out" {
  count = local.is_tracked ? 1 : 0

  name                   = "${var.name}-jobs"
  autoscaling_group_name = aws_autoscaling_group.this[0].name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = local.target_jobs
    disable_scale_in = true

    customized_metric_specification {
      metrics {
        id          = "jobs"
        label       = "Jobs for each machine"
        expression  = "(FILL(v,0)+FILL(ve,0)) / IF(FILL(n,0)>0, FILL(n,0), 1)"
        return_data = true
      }

      dynamic "metrics" {
        for_each = local.queues

        content {
          id          = metrics.key
          return_data = false

          metric_stat {
            stat = "Maximum"

            metric {
              namespace   = "AWS/SQS"
              metric_name = "ApproximateNumberOfMessagesVisible"

              dimensions {
                name  = "QueueName"
                value = metrics.value
              }
            }
          }
        }
      }

      metrics {
        id          = "n"
        return_data = false

        metric_stat {
          stat = "Maximum"

          metric {
            namespace   = "AWS/AutoScaling"
            metric_name = "GroupInServiceInstances"

            dimensions {
              name  = "AutoScalingGroupName"
              value = var.group
            }
          }
        }
      }
    }
  }
}

resource "aws_autoscaling_policy" "wake" {
  count = local.is_tracked ? 1 : 0

  name                   = "${var.name}-wake"
  autoscaling_group_name = aws_autoscaling_group.this[0].name
  policy_type            = "StepScaling"
  adjustment_type        = "ExactCapacity"

  step_adjustment {
    metric_interval_lower_bound = 0
    scaling_adjustment          = 1
  }
}

resource "aws_cloudwatch_metric_alarm" "wake" {
  count = local.is_tracked ? 1 : 0

  alarm_name          = "${var.name}-wake"
  alarm_description   = "Jobs wait, and no machine runs"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.wake[0].arn]

  metric_query {
    id          = "waiting"
    label       = "Jobs without a machine"
    expression  = "IF(FILL(n,0)>0, 0, FILL(v,0)+FILL(ve,0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.queues

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = "ApproximateNumberOfMessagesVisible"
        period      = 60
        stat        = "Maximum"
        dimensions  = { QueueName = metric_query.value }
      }
    }
  }

  metric_query {
    id = "n"

    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Maximum"
      dimensions  = { AutoScalingGroupName = var.group }
    }
  }

  tags = var.tags
}
