# The roles of machines and controller, and policies for people. Nobody gets a right that no call of the code needs.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  region     = data.aws_region.current.id
  partition  = data.aws_partition.current.partition
  account    = data.aws_caller_identity.current.account_id
  role_count = var.create ? 1 : 0
  # In China the name of EC2 alone ends differently.
  ec2_suffix = startswith(local.partition, "aws-cn") ? "amazonaws.com.cn" : "amazonaws.com"

  sources      = { for name, bucket in var.buckets : name => bucket if bucket.source }
  destinations = { for name, bucket in var.buckets : name => bucket if bucket.destination }
  eventful     = [for name, bucket in local.sources : name if bucket.events]
  prefixes     = { for name, bucket in var.buckets : name => bucket.prefix == "" ? "" : "${trimsuffix(bucket.prefix, "/")}/" }

  # What a group of actions may be done to.
  resources = {
    table = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.name}"]
    # A task's queue of events is in the region of its source.
    queues               = ["arn:${local.partition}:sqs:*:${local.account}:${var.name}--*"]
    dead_letters         = ["arn:${local.partition}:sqs:*:${local.account}:${var.name}--*--dead"]
    group                = ["arn:${local.partition}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${var.name}"]
    groups               = ["*"]
    source_bucket        = [for name in keys(local.sources) : "arn:${local.partition}:s3:::${name}"]
    source_objects       = [for name in keys(local.sources) : "arn:${local.partition}:s3:::${name}/${local.prefixes[name]}*"]
    source_notifications = [for name in local.eventful : "arn:${local.partition}:s3:::${name}"]
    # A rule is in the region of its bucket. Without events there is none.
    rules               = length(local.eventful) > 0 ? ["arn:${local.partition}:events:*:${local.account}:rule/${var.name}--*"] : []
    all_rules           = length(local.eventful) > 0 ? ["*"] : []
    destination_bucket  = [for name in keys(local.destinations) : "arn:${local.partition}:s3:::${name}"]
    destination_objects = [for name in keys(local.destinations) : "arn:${local.partition}:s3:::${name}/${local.prefixes[name]}*"]
  }

  # Statements by role. One without resources is left out: it would be invalid.
  statements = {
    for role, groups in local.actions : role => [
      for group, actions in groups : {
        Sid      = replace(title(replace(group, "_", " ")), " ", "")
        Effect   = "Allow"
        Action   = sort(actions)
        Resource = local.resources[group]
      } if length(local.resources[group]) > 0
    ]
  }

  artifact = [{ Sid = "Artifact", Effect = "Allow", Action = ["s3:GetObject"], Resource = [var.artifact_arn] }]
  roles = [for arns in [var.assume_role_arns] : {
    Sid = "Roles", Effect = "Allow", Action = ["sts:AssumeRole"], Resource = arns
  } if length(arns) > 0]
  secrets = [for arns in [var.secret_arns] : {
    Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = arns
  } if length(arns) > 0]
  topics = [for arns in [var.topic_arns] : {
    Sid = "Topics", Effect = "Allow", Action = ["sns:Publish"], Resource = arns
  } if length(arns) > 0]
  own_key = [for arn in compact([var.kms_key_arn]) : {
    Sid = "OwnKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [arn]
  }]
  source_keys = [for arns in [distinct(compact([for bucket in local.sources : bucket.kms_key_arn]))] : {
    Sid = "SourceKeys", Effect = "Allow", Action = ["kms:Decrypt"], Resource = arns
  } if length(arns) > 0]
  destination_keys = [for arns in [distinct(compact([for bucket in local.destinations : bucket.kms_key_arn]))] : {
    Sid = "DestinationKeys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = arns
  } if length(arns) > 0]
  logs = [{
    Sid      = "Log"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}-controller:*"]
  }]
  controller_statements = concat(local.statements.controller, local.topics, local.own_key)

  # Who has the machines' role: machines, and pods of one account by the token that the cluster gives them.
  trust_machines = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.${local.ec2_suffix}" } }]
  trust_pods = [for account in [var.service_account] : {
    Effect    = "Allow"
    Action    = "sts:AssumeRoleWithWebIdentity"
    Principal = { Federated = account.oidc_provider_arn }
    Condition = {
      StringEquals = {
        "${local.issuers[0]}:sub" = "system:serviceaccount:${account.namespace}:${account.name}"
        "${local.issuers[0]}:aud" = "sts.amazonaws.com"
      }
    }
  } if account != null]
  issuers = [for account in [var.service_account] : split(":oidc-provider/", account.oidc_provider_arn)[1] if account != null]

  policies = {
    worker = concat(
      local.statements.worker, local.artifact, local.roles, local.secrets, local.own_key, local.source_keys,
      local.destination_keys
    )
    controller = concat(local.controller_statements, local.logs)
    viewer     = concat(local.statements.viewer, local.own_key)
    operator   = concat(local.statements.operator, local.own_key)
    admin      = concat(local.statements.admin, local.own_key)
  }
}

resource "aws_iam_role" "worker" {
  count = local.role_count

  name                 = "${var.name}-worker"
  description          = "Machines of the fleet ${var.name}"
  permissions_boundary = var.permissions_boundary

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.trust_machines, local.trust_pods) })

  tags = var.tags
}

resource "aws_iam_role_policy" "worker" {
  count = local.role_count

  name   = "fleet"
  role   = aws_iam_role.worker[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies.worker })
}

# A controller on the first machine has the machine's role, and one in a cluster that of the cluster's workers.
resource "aws_iam_role_policy" "controller_on_machine" {
  count = var.create && (var.controller == "machine" || var.controller == "none" && var.service_account != null) ? 1 : 0

  name   = "controller"
  role   = aws_iam_role.worker[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.controller_statements })
}

# A shell without an open port: aws ssm start-session.
resource "aws_iam_role_policy_attachment" "session" {
  count = local.role_count

  role       = aws_iam_role.worker[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "worker" {
  count = local.role_count

  name = "${var.name}-worker"
  role = aws_iam_role.worker[0].name
  tags = var.tags
}

resource "aws_iam_role" "controller" {
  count = var.create && var.controller == "lambda" ? 1 : 0

  name                 = "${var.name}-controller"
  description          = "Controller of the fleet ${var.name}"
  permissions_boundary = var.permissions_boundary

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "controller" {
  count = var.create && var.controller == "lambda" ? 1 : 0

  name   = "controller"
  role   = aws_iam_role.controller[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies.controller })
}

resource "aws_iam_policy" "people" {
  for_each = toset(var.create ? ["viewer", "operator", "admin"] : [])

  name        = "${var.name}-${each.key}"
  description = "The ${each.key} of the fleet ${var.name}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.policies[each.key] })

  tags = var.tags
}
