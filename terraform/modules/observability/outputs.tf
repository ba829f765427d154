output "alarm_names" {
  description = "The alarms"
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.fleet : alarm.alarm_name],
    aws_cloudwatch_metric_alarm.controller_silent[*].alarm_name,
    aws_cloudwatch_metric_alarm.oldest_message[*].alarm_name,
    [for alarm in aws_cloudwatch_metric_alarm.expression : alarm.alarm_name],
  )
}

output "alarms" {
  description = "What each alarm over one metric judges: the metric and its threshold"
  value = merge(
    { for name, alarm in aws_cloudwatch_metric_alarm.fleet : name => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
    } },
    { for alarm in aws_cloudwatch_metric_alarm.oldest_message : "oldest-message" => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
    } },
    { for alarm in aws_cloudwatch_metric_alarm.controller_silent : "controller-silent" => {
      metric    = alarm.metric_name
      threshold = alarm.threshold
    } },
  )
}

output "expression_alarms" {
  description = "What each alarm over several metrics judges: its expression, its threshold, and its metrics by id"
  value = { for name, alarm in aws_cloudwatch_metric_alarm.expression : name => {
    expression = one([for query in alarm.metric_query : query.expression if query.id == "found"])
    threshold  = alarm.threshold
    metrics = { for query in alarm.metric_query : query.id => {
      namespace  = query.metric[0].namespace
      name       = query.metric[0].metric_name
      dimensions = query.metric[0].dimensions
    } if query.id != "found" }
  } }
}
