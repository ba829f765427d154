# Alarms over the metrics that the controller writes into its log. docs/operations.md has a section for each. A metric
# that is missing is no alarm: an idle fleet writes none. A controller that is silent is the exception. Alarms over
# several metrics, and those of a fleet without the function, are in expressions.tf.

locals {
  # Of `flotilla controller --emf` (shared/src/metrics/fleet.rs).
  namespace  = "Flotilla"
  dimensions = { fleet = var.name }

  # Each alarm's metric, which must be above zero in each of so many minutes.
  alarms = {
    dead-letters = {
      description = "Messages are dead letters"
      metric      = "DeadMessages", minutes = 1
    }
    failed-runs = {
      description = "A run was stopped, or ended with objects that failed or were lost"
      metric      = "FailedRuns", minutes = 1
    }
    failing-tasks = {
      description = "Workers cannot open a task"
      metric      = "FailingTasks", minutes = 15
    }
    controller-errors = {
      description = "Parts of the controller's passes fail, or machines start without a worker"
      metric      = "ControllerErrors", minutes = 10
    }
    silent-machines = {
      description = "Machines start, and their workers never report"
      metric      = "FailedLaunches", minutes = 10
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "fleet" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.create && var.has_controller }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.description}. See docs/operations.md, alarm ${each.key}"
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = local.dimensions
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  tags = var.tags
}

# SQS removes a message after 14 days, and its depth names no age. The controller remembers since when the oldest message
# of each task may wait: since its queues were last seen empty, or since the oldest message was sent that its workers
# received lately.
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-oldest-message"
  alarm_description   = "A message of a task may have waited for five days. See docs/operations.md, alarm oldest-message"
  namespace           = local.namespace
  metric_name         = "OldestMessageHours"
  dimensions          = local.dimensions
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 5 * 24
  period              = 300
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  tags = var.tags
}

# A pass that could not read the tasks writes none, like a controller that does not run.
resource "aws_cloudwatch_metric_alarm" "controller_silent" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-controller-silent"
  alarm_description   = "No pass of the controller succeeds. See docs/operations.md, alarm controller-silent"
  namespace           = local.namespace
  metric_name         = "ControllerPasses"
  dimensions          = local.dimensions
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  tags = var.tags
}
