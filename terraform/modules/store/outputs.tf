output "table_name" {
  description = "The table"
  value       = try(aws_dynamodb_table.this[0].name, null)
}

output "operations_queue_name" {
  description = "The queue of operations on tasks that are not created yet"
  value       = try(aws_sqs_queue.operations[0].name, null)
}

output "topic_arn" {
  description = "The topic of the alarms"
  value       = try(aws_sns_topic.alarms[0].arn, null)
}
