# What single modules make, without a service.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

run "machines_are_of_many_types_and_mostly_spot" {
  module {
    source = "./modules/fleet"
  }
  variables {
    name                 = "photos"
    group                = "photos"
    hook                 = "photos-drain"
    vpc_id               = "vpc-1"
    subnet_ids           = ["subnet-1", "subnet-2"]
    instance_profile_arn = "arn:aws:iam::111122223333:instance-profile/photos-worker"
    fleet_file           = "name = \"photos\"\n"
    artifact             = { bucket = "artifacts", version = "0.1.0", sha256 = "00" }
    kms_key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/1"
  }
  assert {
    condition = (
      length(aws_autoscaling_group.this[0].mixed_instances_policy[0].launch_template[0].override) >= 10
      && length(local.default_types["x86_64"]) >= 10
      && aws_autoscaling_group.this[0].vpc_zone_identifier == toset(["subnet-1", "subnet-2"])
    )
    error_message = "Ten or more types, over all subnets."
  }
  assert {
    condition = alltrue([
      for part in aws_autoscaling_group.this[0].mixed_instances_policy[0].instances_distribution : (
        part.spot_allocation_strategy == "price-capacity-optimized"
        && part.on_demand_base_capacity == 0 && part.on_demand_percentage_above_base_capacity == 0
      )
    ])
    error_message = "Spot, from the pools with room at a low price."
  }
  assert {
    condition = (
      aws_autoscaling_group.this[0].min_size == 0
      && aws_autoscaling_group.this[0].suspended_processes == toset(["AZRebalance"])
      && aws_autoscaling_group.this[0].instance_refresh[0].preferences[0].scale_in_protected_instances == "Wait"
    )
    error_message = "Only a machine without work is taken away."
  }
  assert {
    condition = (
      aws_autoscaling_lifecycle_hook.drain[0].lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING"
      && aws_autoscaling_lifecycle_hook.drain[0].heartbeat_timeout >= 60
      && aws_autoscaling_lifecycle_hook.drain[0].default_result == "CONTINUE"
    )
    error_message = "The hook waits longer than between two heartbeats of a worker that drains."
  }
  assert {
    condition = (
      aws_launch_template.this[0].metadata_options[0].http_tokens == "required"
      && aws_launch_template.this[0].metadata_options[0].http_put_response_hop_limit == 2
    )
    error_message = "Metadata by token alone, also from a container."
  }
  assert {
    condition = (
      aws_launch_template.this[0].block_device_mappings[0].ebs[0].encrypted == "true"
      && aws_launch_template.this[0].block_device_mappings[0].ebs[0].kms_key_id == var.kms_key_arn
    )
    error_message = "Disks are encrypted, by the key that is given."
  }
}

run "machines_of_an_existing_network_have_no_public_address" {
  module {
    source = "./modules/fleet"
  }
  variables {
    name                 = "photos"
    group                = "photos"
    hook                 = "photos-drain"
    vpc_id               = "vpc-1"
    subnet_ids           = ["subnet-1"]
    is_public            = false
    instance_profile_arn = "arn:aws:iam::111122223333:instance-profile/photos-worker"
    fleet_file           = "name = \"photos\"\n"
    artifact             = { bucket = "artifacts", version = "0.1.0", sha256 = "00" }
  }
  assert {
    condition     = aws_launch_template.this[0].network_interfaces[0].associate_public_ip_address == "false"
    error_message = "The network's own way out is used."
  }
}

run "one_task_scales_out_by_both_queues" {
  module {
    source = "./modules/fleet"
  }
  variables {
    name                 = "photos"
    group                = "photos"
    hook                 = "photos-drain"
    vpc_id               = "vpc-1"
    subnet_ids           = ["subnet-1"]
    instance_profile_arn = "arn:aws:iam::111122223333:instance-profile/photos-worker"
    fleet_file           = "name = \"photos\"\n"
    artifact             = { bucket = "artifacts", version = "0.1.0", sha256 = "00" }
    scaling              = "cloudwatch"
    scaling_task         = "films"
  }
  assert {
    condition     = aws_autoscaling_policy.out[0].target_tracking_configuration[0].disable_scale_in
    error_message = "Idle machines end themselves."
  }
  assert {
    condition = one([
      for metric in aws_autoscaling_policy.out[0].target_tracking_configuration[0].customized_metric_specification[0].metrics :
      metric.expression if metric.return_data
    ]) == "(FILL(v,0)+FILL(ve,0)) / IF(FILL(n,0)>0, FILL(n,0), 1)"
    error_message = "Messages of both queues for each machine."
  }
  assert {
    condition = (
      aws_autoscaling_policy.wake[0].adjustment_type == "ExactCapacity"
      && one(aws_autoscaling_policy.wake[0].step_adjustment).scaling_adjustment == 1
    )
    error_message = "The alarm asks for one machine."
  }
  assert {
    condition = toset(flatten([
      for query in aws_cloudwatch_metric_alarm.wake[0].metric_query : [
        for metric in query.metric : metric.dimensions["QueueName"] if metric.namespace == "AWS/SQS"
      ]
    ])) == toset(["photos--films", "photos--films--events"])
    error_message = "The alarm looks at both queues."
  }
}

run "roles_have_their_boundary" {
  module {
    source = "./modules/iam"
  }
  variables {
    name                 = "photos"
    buckets              = { "originals" = { source = true } }
    artifact_arn         = "arn:aws:s3:::artifacts/*"
    permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
    tags                 = { team = "storage" }
  }
  assert {
    condition = alltrue([
      for role in [aws_iam_role.worker[0], aws_iam_role.controller[0]] :
      role.permissions_boundary == var.permissions_boundary && role.tags["team"] == "storage"
    ])
    error_message = "A role has no boundary, or not the tags."
  }
}

run "users_have_their_boundary" {
  module {
    source = "./modules/events"
  }
  variables {
    name                 = "photos"
    tasks                = ["films"]
    permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
  }
  assert {
    condition     = aws_iam_user.sender["films"].permissions_boundary == var.permissions_boundary
    error_message = "A user has no boundary."
  }
  assert {
    condition = jsondecode(aws_iam_user_policy.sender["films"].policy).Statement == [{
      Action   = ["sqs:SendMessage"]
      Effect   = "Allow"
      Resource = ["arn:aws:sqs:*:111122223333:photos--films--events"]
    }]
    error_message = aws_iam_user_policy.sender["films"].policy
  }
}

run "a_network_costs_nothing_while_nothing_runs" {
  module {
    source = "./modules/network"
  }
  variables {
    name = "photos"
    cidr = "10.64.0.0/16"
  }
  assert {
    condition     = keys(aws_subnet.public) == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    error_message = "A subnet in each zone."
  }
  assert {
    condition = (
      keys(aws_vpc_endpoint.gateway) == ["dynamodb", "s3"]
      && alltrue([for endpoint in aws_vpc_endpoint.gateway : endpoint.vpc_endpoint_type == "Gateway"])
      && aws_route.internet[0].gateway_id == aws_internet_gateway.this[0].id
    )
    error_message = "Gateway endpoints, and no NAT gateway."
  }
}

run "the_controller_is_a_function_each_minute" {
  module {
    source = "./modules/controller"
  }
  variables {
    name               = "photos"
    role_arn           = "arn:aws:iam::111122223333:role/photos"
    artifact           = { bucket = "artifacts", version = "0.1.0", sha256 = "00" }
    fleet_file         = "name = \"photos\"\n"
    log_retention_days = 7
    kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/1"
  }
  assert {
    condition = (
      aws_lambda_function.this[0].architectures == tolist(["arm64"])
      && aws_lambda_function.this[0].runtime == "provided.al2023"
      && aws_lambda_function.this[0].s3_key == "flotilla/0.1.0/flotilla-controller-0.1.0-aarch64.zip"
      && aws_cloudwatch_event_rule.minute[0].schedule_expression == "rate(1 minute)"
    )
    error_message = "The program of the release, once a minute."
  }
  assert {
    condition = (
      aws_cloudwatch_log_group.this[0].retention_in_days == 7
      && aws_cloudwatch_log_group.this[0].kms_key_id == var.kms_key_arn
    )
    error_message = "The log is kept for as long as is said, encrypted."
  }
}

run "the_table_is_paid_by_request_and_protected" {
  module {
    source = "./modules/store"
  }
  variables {
    name         = "photos"
    kms_key_arn  = "arn:aws:kms:eu-central-1:111122223333:key/1"
    alarm_emails = ["operations@example.com"]
  }
  assert {
    condition = (
      aws_dynamodb_table.this[0].billing_mode == "PAY_PER_REQUEST"
      && aws_dynamodb_table.this[0].deletion_protection_enabled
      && aws_dynamodb_table.this[0].server_side_encryption[0].kms_key_arn == var.kms_key_arn
      && aws_dynamodb_table.this[0].ttl[0].attribute_name == "expires"
    )
    error_message = "An idle table costs nothing, and nobody deletes it by mistake."
  }
  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.operations[0], aws_sqs_queue.operations_dead[0]] :
      queue.kms_master_key_id == var.kms_key_arn && queue.message_retention_seconds == 1209600
    ])
    error_message = "Queues are encrypted by the key, and keep messages for 14 days."
  }
  assert {
    condition = (
      aws_sns_topic_subscription.email["operations@example.com"].protocol == "email"
      && aws_sns_topic.alarms[0].kms_master_key_id == var.kms_key_arn
    )
    error_message = "Alarms come by e-mail."
  }
}
