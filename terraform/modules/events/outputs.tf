output "users" {
  description = "Users, by task"
  value       = { for task, user in aws_iam_user.sender : task => user.name }
}
