output "group_name" {
  description = "The autoscaling group"
  value       = try(aws_autoscaling_group.this[0].name, null)
}

output "security_group_id" {
  description = "The machines' security group"
  value       = try(aws_security_group.this[0].id, null)
}

output "launch_template_id" {
  description = "The machines' template"
  value       = try(aws_launch_template.this[0].id, null)
}

output "boot" {
  description = "The script that machines boot with"
  value       = local.boot
}
