output "worker_role_arn" {
  description = "The machines' role"
  value       = try(aws_iam_role.worker[0].arn, null)
}

output "instance_profile_arn" {
  description = "The machines' profile"
  value       = try(aws_iam_instance_profile.worker[0].arn, null)
}

output "controller_role_arn" {
  description = "The controller's role"
  value       = try(aws_iam_role.controller[0].arn, null)
}

output "viewer_policy_arn" {
  description = "Policy of people who look at tasks"
  value       = try(aws_iam_policy.people["viewer"].arn, null)
}

output "operator_policy_arn" {
  description = "Policy of people who run, pause, cancel and edit tasks"
  value       = try(aws_iam_policy.people["operator"].arn, null)
}

output "admin_policy_arn" {
  description = "Policy of people who create and delete tasks"
  value       = try(aws_iam_policy.people["admin"].arn, null)
}

output "worker_trust" {
  description = "The statements that say who has the machines' role"
  value       = concat(local.trust_machines, local.trust_pods)
}

output "controller_rights_of_workers_role" {
  description = "Whether the machines' role has the controller's rights too"
  value       = length(aws_iam_role_policy.controller_on_machine) > 0
}

output "policies" {
  description = "The statements of each policy"
  value       = local.policies
}
