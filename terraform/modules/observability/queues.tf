# Alarms of a fleet of one task whose controller is no function: over what SQS itself writes about the task's queues. They
# are named as those over the function's metrics, and share their sections in docs/operations.md. SQS writes nothing for a
# queue that was silent for six hours, and takes up to 15 minutes to begin again. It writes in the queue's region, so a
# queue of events in another one is not seen.

locals {
  depth  = "ApproximateNumberOfMessagesVisible"
  leased = "ApproximateNumberOfMessagesNotVisible"
  age    = "ApproximateAgeOfOldestMessage"

  # Each alarm's expression, which must be above the threshold in each of so many minutes. The metrics of the expression
  # are those of the task's queues: of jobs, of events (`e`), which not every task has, and of dead letters (`d`).
  over_queues = {
    dead-letters = {
      description = "Messages are dead letters"
      expression  = "FILL(d,0)", threshold = 0, minutes = 1
      metrics     = { d = { suffix = "--dead", name = local.depth } }
    }
    oldest-message = {
      description = "A message of the task has waited for five days"
      expression  = "IF(FILL(a,0)>FILL(ae,0), FILL(a,0), FILL(ae,0))", threshold = 5 * 24 * 3600, minutes = 5
      metrics = {
        a  = { suffix = "", name = local.age }
        ae = { suffix = "--events", name = local.age }
      }
    }
    no-progress = {
      description = "Messages wait, and no worker has any"
      expression  = "IF(FILL(h,0)+FILL(he,0)>0, 0, FILL(v,0)+FILL(ve,0))", threshold = 0, minutes = 15
      metrics = {
        v  = { suffix = "", name = local.depth }
        ve = { suffix = "--events", name = local.depth }
        h  = { suffix = "", name = local.leased }
        he = { suffix = "--events", name = local.leased }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = { for name, alarm in local.over_queues : name => alarm if var.create && !var.has_controller && var.task != null }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.description}. See docs/operations.md, alarm ${each.key}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  metric_query {
    id          = "found"
    label       = each.value.description
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value.name
        period      = 60
        stat        = "Maximum"
        dimensions  = { QueueName = "${var.name}--${var.task}${metric_query.value.suffix}" }
      }
    }
  }

  tags = var.tags
}
