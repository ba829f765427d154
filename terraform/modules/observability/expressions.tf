# Alarms over several metrics. Those of a fleet whose controller is a function stand on what that writes into its log.

# Those of a fleet of one task whose controller is no function stand on what SQS itself writes about the task's queues.
# They are named as those over the function's metrics, and share their sections in docs/operations.md. SQS writes nothing
# for a queue that was silent for six hours, and takes up to 15 minutes to begin again. It writes in the queue's region, so
# a queue of events in another one is not seen.

locals {
  # The first metric, while the second one is zero.
  without = "IF(FILL(without,0)>0, 0, FILL(metric,0))"

  # Each alarm's expression, which must be above the threshold in each of so many minutes, and its metrics by id.
  of_function = {
    no-machines = {
      description = "Machines are wanted, and none is in service"
      expression  = local.without, threshold = 0, minutes = 15
      metrics = {
        metric = { namespace = local.namespace, name = "WantedMachines", dimensions = local.dimensions }
        # The group writes it each minute, also if no controller works.
        without = {
          namespace  = "AWS/AutoScaling", name = "GroupInServiceInstances"
          dimensions = { AutoScalingGroupName = var.group_name }
        }
      }
    }
    no-progress = {
      description = "Messages wait, and no worker has any"
      expression  = local.without, threshold = 0, minutes = 15
      metrics = {
        metric  = { namespace = local.namespace, name = "ReadyMessages", dimensions = local.dimensions }
        without = { namespace = local.namespace, name = "LeasedMessages", dimensions = local.dimensions }
      }
    }
  }

  # The task's queues: of jobs, of events (`e`), which not every task has, and of dead letters (`d`).
  jobs   = join("--", compact([var.name, var.task]))
  events = "${local.jobs}--events"

  depth  = "ApproximateNumberOfMessagesVisible"
  leased = "ApproximateNumberOfMessagesNotVisible"
  age    = "ApproximateAgeOfOldestMessage"

  # The same as above.
  of_queues = {
    dead-letters = {
      description = "Messages are dead letters"
      expression  = "FILL(d,0)", threshold = 0, minutes = 1
      metrics = {
        d = { namespace = "AWS/SQS", name = local.depth, dimensions = { QueueName = "${local.jobs}--dead" } }
      }
    }
    oldest-message = {
      description = "A message of the task has waited for five days"
      expression  = "IF(FILL(a,0)>FILL(ae,0), FILL(a,0), FILL(ae,0))", threshold = 5 * 24 * 3600, minutes = 5
      metrics = {
        a  = { namespace = "AWS/SQS", name = local.age, dimensions = { QueueName = local.jobs } }
        ae = { namespace = "AWS/SQS", name = local.age, dimensions = { QueueName = local.events } }
      }
    }
    no-progress = {
      description = "Messages wait, and no worker has any"
      expression  = "IF(FILL(h,0)+FILL(he,0)>0, 0, FILL(v,0)+FILL(ve,0))", threshold = 0, minutes = 15
      metrics = {
        v  = { namespace = "AWS/SQS", name = local.depth, dimensions = { QueueName = local.jobs } }
        ve = { namespace = "AWS/SQS", name = local.depth, dimensions = { QueueName = local.events } }
        h  = { namespace = "AWS/SQS", name = local.leased, dimensions = { QueueName = local.jobs } }
        he = { namespace = "AWS/SQS", name = local.leased, dimensions = { QueueName = local.events } }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "expression" {
  for_each = merge(
    { for name, alarm in local.of_function : name => alarm if var.create && var.has_controller },
    { for name, alarm in local.of_queues : name => alarm if var.create && !var.has_controller && var.task != null },
  )

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
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        period      = 60
        stat        = "Maximum"
        dimensions  = metric_query.value.dimensions
      }
    }
  }

  tags = var.tags
}
