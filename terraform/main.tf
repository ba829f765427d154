# A fleet: machines that come when there is work and leave when there is none, and what they share.

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  region    = data.aws_region.current.id
  partition = data.aws_partition.current.partition
  group     = var.name
  hook      = "${var.name}-drain"
  tags      = merge(var.tags, { "flotilla:fleet" = var.name })

  # A line of its own, or nothing.
  public_url = var.public_url == null ? "" : "\npublic-url = \"${var.public_url}\""

  # The file that `--fleet` reads, by its parts. Pods belong to no group.
  of_services = <<-EOT
    name = "${var.name}"
    metrics-addr = "0.0.0.0:9100"${local.public_url}

    [queue]
    region = "${local.region}"

    [ledger]
    table = "${var.name}"
    region = "${local.region}"
  EOT
  of_group    = <<-EOT
    [fleet]
    group = "${local.group}"
    lifecycle-hook = "${local.hook}"
    region = "${local.region}"
  EOT
  of_work     = <<-EOT
    [work]
    concurrency = ${var.work.concurrency}
    memory-limit = "${var.work.memory_limit}"
    lease = "${var.work.lease}"
    drain = "${var.work.drain}"
    idle-exit = "${var.work.idle_exit}"
  EOT

  fleet_file          = join("\n", [local.of_services, local.of_group, local.of_work])
  fleet_file_for_pods = join("\n", [local.of_services, local.of_work])
}

module "network" {
  source = "./modules/network"

  create = var.create && var.network == null
  name   = var.name
  cidr   = var.cidr
  tags   = local.tags
}

module "store" {
  source = "./modules/store"

  create                 = var.create
  name                   = var.name
  kms_key_arn            = var.kms_key_arn
  deletion_protection    = var.deletion_protection
  point_in_time_recovery = var.point_in_time_recovery
  alarm_emails           = var.alarm_emails
  tags                   = local.tags
}

module "iam" {
  source = "./modules/iam"

  create               = var.create
  name                 = var.name
  buckets              = var.buckets
  artifact_arn         = "arn:${local.partition}:s3:::${var.artifact.bucket}/${var.artifact.prefix}/${var.artifact.version}/*"
  kms_key_arn          = var.kms_key_arn
  assume_role_arns     = var.assume_role_arns
  secret_arns          = var.secret_arns
  topic_arns           = concat(var.notify_topic_arns, compact([module.store.topic_arn]))
  controller           = var.controller
  service_account      = var.service_account
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

module "fleet" {
  source = "./modules/fleet"

  create                  = var.create
  name                    = var.name
  group                   = local.group
  hook                    = local.hook
  vpc_id                  = var.network == null ? module.network.vpc_id : var.network.vpc_id
  subnet_ids              = var.network == null ? module.network.subnet_ids : var.network.subnet_ids
  architecture            = var.architecture
  instance_types          = var.instance_types
  image_id                = var.image_id
  min_size                = var.min_size
  max_size                = var.max_size
  on_demand_base_capacity = var.on_demand_base_capacity
  on_demand_percentage    = var.on_demand_percentage
  instance_profile_arn    = module.iam.instance_profile_arn
  fleet_file              = local.fleet_file
  artifact                = var.artifact
  has_controller          = var.controller == "machine"
  kms_key_arn             = var.kms_key_arn
  scaling                 = var.scaling
  scaling_task            = var.scaling_task
  is_public               = var.network == null
  tags                    = local.tags
}

module "controller" {
  source = "./modules/controller"

  create             = var.create && var.controller == "lambda"
  name               = var.name
  role_arn           = module.iam.controller_role_arn
  architecture       = var.architecture
  artifact           = var.artifact
  fleet_file         = local.fleet_file
  environment        = var.controller_environment
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = local.tags
}

module "observability" {
  source = "./modules/observability"

  create         = var.create && var.create_alarms
  name           = var.name
  group_name     = module.fleet.group_name
  topic_arn      = module.store.topic_arn
  has_controller = var.controller == "lambda"
  task           = var.scaling_task
  tags           = local.tags
}

module "events" {
  source = "./modules/events"

  create               = var.create
  name                 = var.name
  tasks                = var.event_senders
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}
