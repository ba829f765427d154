# Alarms over the metrics that the controller writes into its log. docs/operations.md has a section for each. A metric
# that is missing is no alarm: an idle fleet writes none. A controller that is silent is the exception.

locals {
  namespace  = "Flotilla"
  dimensions = { Fleet = var.name }

  # Each alarm's metric, and for how many minutes it must be above which number.
  alarms = {
    dead-letters = {
      description = "Messages are dead letters"
      metric      = "DeadLetters", statistic = "Maximum", above = 0, minutes = 5
    }
    oldest-message = {
      description = "A message has waited for 12 hours: messages live for 14 days"
      metric      = "OldestMessageSeconds", statistic = "Maximum", above = 43200, minutes = 5
    }
    failed-outcomes = {
      description = "Objects of live runs failed"
      metric      = "FailedObjects", statistic = "Maximum", above = 0, minutes = 5
    }
    no-progress = {
      description = "A run makes no progress"
      metric      = "RunsWithoutProgress", statistic = "Maximum", above = 0, minutes = 15
    }
    silent-machines = {
      description = "Machines start without a worker"
      metric      = "SilentMachines", statistic = "Maximum", above = 0, minutes = 5
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
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "no_machines" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-no-machines"
  alarm_description   = "Machines are wanted, and none is in service. See docs/operations.md, alarm no-machines"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 15
  datapoints_to_alarm = 15
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  metric_query {
    id          = "missing"
    label       = "Wanted while none is in service"
    expression  = "IF(FILL(n,0)>0, 0, FILL(w,0))"
    return_data = true
  }

  metric_query {
    id = "w"

    metric {
      namespace   = local.namespace
      metric_name = "WantedMachines"
      period      = 60
      stat        = "Maximum"
      dimensions  = local.dimensions
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

resource "aws_cloudwatch_metric_alarm" "controller_silent" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-controller-silent"
  alarm_description   = "The controller does not run. See docs/operations.md, alarm controller-silent"
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = "${var.name}-controller" }
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

resource "aws_cloudwatch_metric_alarm" "controller_errors" {
  count = var.create && var.has_controller ? 1 : 0

  alarm_name          = "${var.name}-controller-errors"
  alarm_description   = "Passes of the controller fail. See docs/operations.md, alarm controller-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = "${var.name}-controller" }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  tags = var.tags
}
