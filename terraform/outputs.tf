output "fleet_file" {
  description = "The file for `flotilla --fleet FILE`: terraform output -raw fleet_file > fleet.toml"
  value       = local.fleet_file
}

output "fleet_file_for_pods" {
  description = "The same without the autoscaling group, for the chart deploy/helm/flotilla"
  value       = local.fleet_file_for_pods
}

output "group_name" {
  description = "The machines' autoscaling group"
  value       = module.fleet.group_name
}

output "table_name" {
  description = "The table of tasks and outcomes"
  value       = module.store.table_name
}

output "topic_arn" {
  description = "The topic of the alarms"
  value       = module.store.topic_arn
}

output "worker_role_arn" {
  description = "The machines' role: let it into buckets and keys of other accounts"
  value       = module.iam.worker_role_arn
}

output "controller_role_arn" {
  description = "The controller's role"
  value       = module.iam.controller_role_arn
}

output "controller_function_name" {
  description = "The controller's function"
  value       = module.controller.function_name
}

output "viewer_policy_arn" {
  description = "Policy of people who look at tasks"
  value       = module.iam.viewer_policy_arn
}

output "operator_policy_arn" {
  description = "Policy of people who run, pause, cancel and edit tasks"
  value       = module.iam.operator_policy_arn
}

output "admin_policy_arn" {
  description = "Policy of people who create and delete tasks"
  value       = module.iam.admin_policy_arn
}

output "event_sender_users" {
  description = "Users whose keys event functions of other clouds take, by task"
  value       = module.events.users
}

output "vpc_id" {
  description = "The machines' VPC"
  value       = var.network == null ? module.network.vpc_id : var.network.vpc_id
}

output "security_group_id" {
  description = "The machines' security group, which lets nothing in"
  value       = module.fleet.security_group_id
}

output "policies" {
  description = "Statements by role (worker, controller, viewer, operator, admin), for roles that are made elsewhere"
  value       = module.iam.policies
}
