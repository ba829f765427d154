# Alarms over the metrics that the controller writes into its log. docs/operations.md has a section for each. A metric
# that is missing is no alarm: an idle fleet writes none. A controller that is silent is the exception.

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

  # As the alarms above, by two metrics: the first one, while the second one is zero.
  pairs = {
    no-machines = {
      description = "Machines are wanted, and none is in service"
      metric      = "WantedMachines", without = "RunningMachines", minutes = 15
    }
    no-progress = {
      description = "Messages wait, and no worker has any"
      metric      = "ReadyMessages", without = "LeasedMessages", minutes = 15
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

resource "aws_cloudwatch_metric_alarm" "pair" {
  for_each = { for name, alarm in local.pairs : name => alarm if var.create && var.has_controller }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.description}. See docs/operations.md, alarm ${each.key}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  metric_query {
    id          = "found"
    label       = each.value.description
    expression  = "IF(FILL(without,0)>0, 0, FILL(metric,0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { metric = each.value.metric, without = each.value.without }

    content {
      id = metric_query.key

      metric {
        namespace   = local.namespace
        metric_name = metric_query.value
        period      = 60
        stat        = "Maximum"
        dimensions  = local.dimensions
      }
    }
  }

  tags = var.tags
}

# SQS removes a message after 14 days, and nobody can be asked for the age of the oldest one. A queue that was never empty
# for so long may have one of that age.
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-oldest-message"
  alarm_description   = "Messages have waited for five days. See docs/operations.md, alarm oldest-message"
  namespace           = local.namespace
  metric_name         = "ReadyMessages"
  dimensions          = local.dimensions
  statistic           = "Minimum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 86400
  evaluation_periods  = 5
  datapoints_to_alarm = 5
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
