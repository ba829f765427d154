output "alarm_names" {
  description = "The alarms"
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.fleet : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.pair : alarm.alarm_name],
    aws_cloudwatch_metric_alarm.controller_silent[*].alarm_name,
    aws_cloudwatch_metric_alarm.oldest_message[*].alarm_name,
  )
}
