output "alarm_names" {
  description = "The alarms"
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.fleet : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.pair : alarm.alarm_name],
    aws_cloudwatch_metric_alarm.controller_silent[*].alarm_name,
    aws_cloudwatch_metric_alarm.oldest_message[*].alarm_name,
    [for alarm in aws_cloudwatch_metric_alarm.queue : alarm.alarm_name],
  )
}

output "alarms" {
  description = "What each alarm over metrics judges: its metric, its threshold, and the metric that excuses it"
  value = merge(
    { for name, alarm in aws_cloudwatch_metric_alarm.fleet : name => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
      without   = null
    } },
    { for name, alarm in aws_cloudwatch_metric_alarm.pair : name => {
      metric    = local.pairs[name].metric
      threshold = alarm.threshold
      without = one([
        for query in alarm.metric_query : {
          namespace  = query.metric[0].namespace
          name       = query.metric[0].metric_name
          dimensions = query.metric[0].dimensions
        } if query.id == "without"
      ])
    } },
    { for alarm in aws_cloudwatch_metric_alarm.oldest_message : "oldest-message" => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
      without   = null
    } },
    { for alarm in aws_cloudwatch_metric_alarm.controller_silent : "controller-silent" => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
      without   = null
    } },
  )
}

output "queue_alarms" {
  description = "What each alarm over the queues of the one task judges: its expression, its threshold, and its metrics by id"
  value = { for name, alarm in aws_cloudwatch_metric_alarm.queue : name => {
    expression = one([for query in alarm.metric_query : query.expression if query.id == "found"])
    threshold  = alarm.threshold
    metrics = { for query in alarm.metric_query : query.id => {
      name  = query.metric[0].metric_name
      queue = query.metric[0].dimensions["QueueName"]
    } if query.id != "found" }
  } }
}
