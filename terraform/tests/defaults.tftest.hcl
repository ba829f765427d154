# What a fleet is by default, without a service.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

variables {
  name = "photos"
  buckets = {
    "originals" = { source = true, events = true, prefix = "2026" }
    "copies"    = { destination = true }
  }
  artifact = {
    bucket  = "artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }
  # Else the end of the test, which destroys everything, is refused.
  deletion_protection = false
}

run "the_group_starts_empty" {
  assert {
    condition     = module.fleet.group_name == "photos"
    error_message = "The group has the fleet's name."
  }
  assert {
    condition     = length(module.fleet.boot) < 12000
    error_message = "User data has at most 16 KiB after encoding: ${length(module.fleet.boot)}."
  }
}

run "the_fleet_file_names_what_is_made" {
  assert {
    condition     = output.fleet_file == <<-EOT
      name = "photos"
      metrics-addr = "0.0.0.0:9100"

      [queue]
      region = "eu-central-1"

      [ledger]
      table = "photos"
      region = "eu-central-1"

      [fleet]
      group = "photos"
      lifecycle-hook = "photos-drain"
      region = "eu-central-1"

      [work]
      concurrency = 64
      memory-limit = "512MiB"
      lease = "1m"
      drain = "90s"
      idle-exit = "5m"
    EOT
    error_message = "The fleet file is ${output.fleet_file}"
  }
}

run "the_fleet_file_for_pods_names_no_group" {
  command = plan
  assert {
    condition     = output.fleet_file_for_pods == replace(output.fleet_file, "/(?s)\\[fleet\\].*?\n\n/", "")
    error_message = output.fleet_file_for_pods
  }
  assert {
    condition     = strcontains(output.fleet_file_for_pods, "[work]") && !strcontains(output.fleet_file_for_pods, "[fleet]")
    error_message = output.fleet_file_for_pods
  }
}

run "the_fleet_file_names_where_people_reach_the_console" {
  command = plan
  variables {
    public_url = "https://flotilla.example.com"
  }
  assert {
    condition = startswith(output.fleet_file, <<-EOT
      name = "photos"
      metrics-addr = "0.0.0.0:9100"
      public-url = "https://flotilla.example.com"

      [queue]
    EOT
    )
    error_message = "The fleet file is ${output.fleet_file}"
  }
}

run "prefixes_narrow_objects" {
  assert {
    condition = contains(flatten([
      for statement in module.iam.policies.worker : statement.Resource if statement.Sid == "SourceObjects"
    ]), "arn:aws:s3:::originals/2026/*")
    error_message = "Objects of the source are narrowed to its prefix."
  }
  assert {
    condition     = !contains([for statement in module.iam.policies.controller : statement.Sid], "DestinationObjects")
    error_message = "The controller reads and writes no object."
  }
}

run "alarms_are_made" {
  assert {
    condition     = length(module.observability.alarm_names) == 9
    error_message = join(", ", module.observability.alarm_names)
  }
}

run "the_oldest_message_is_judged_by_the_controllers_memory" {
  assert {
    condition = (
      module.observability.alarms["oldest-message"].metric == "OldestMessageHours"
      && module.observability.alarms["oldest-message"].threshold == 120
    )
    error_message = "Five days, of the metric that the controller keeps per task."
  }
  assert {
    condition = alltrue([
      for name in ["no-machines", "no-progress"] : contains(keys(module.observability.expression_alarms), name)
    ])
    error_message = join(", ", keys(module.observability.expression_alarms))
  }
}

run "machines_in_service_are_those_of_the_group" {
  assert {
    condition = (
      module.observability.expression_alarms["no-machines"].metrics["without"].namespace == "AWS/AutoScaling"
      && module.observability.expression_alarms["no-machines"].metrics["without"].dimensions["AutoScalingGroupName"] == output.group_name
    )
    error_message = "The group writes the machines in service itself."
  }
}

run "nothing_is_made_if_not_asked_for" {
  variables {
    create = false
  }
  assert {
    condition     = output.table_name == null && output.group_name == null && output.controller_function_name == null
    error_message = "create = false makes nothing."
  }
}

run "an_existing_network_is_used" {
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"] }
  }
  assert {
    condition     = output.vpc_id == "vpc-1"
    error_message = "No VPC is made."
  }
}

run "a_controller_on_the_machine_has_its_role" {
  variables {
    controller = "machine"
    min_size   = 1
  }
  assert {
    condition     = output.controller_function_name == null && strcontains(module.fleet.boot, "flotilla-controller'")
    error_message = "The machine starts the controller."
  }
}

run "people_read_dead_letters_and_no_other_messages" {
  assert {
    condition = alltrue([for role in ["viewer", "operator", "admin"] : alltrue([
      for statement in module.iam.policies[role] : statement.Resource == [
        "arn:aws:sqs:*:111122223333:photos--*--dead"
      ] if contains(statement.Action, "sqs:ReceiveMessage")
    ])])
    error_message = "A role receives from other queues than those of dead letters."
  }
  assert {
    condition = alltrue([for role in ["viewer", "operator", "admin"] : anytrue([
      for statement in module.iam.policies[role] : contains(statement.Action, "sqs:ReceiveMessage")
    ])])
    error_message = "A role cannot look at dead letters."
  }
}

run "only_machines_have_the_workers_role" {
  assert {
    condition     = [for statement in module.iam.worker_trust : statement.Action] == ["sts:AssumeRole"]
    error_message = jsonencode(module.iam.worker_trust)
  }
}

run "pods_of_one_account_have_the_workers_role" {
  variables {
    controller = "none"
    service_account = {
      oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
      namespace         = "default"
      name              = "photos"
    }
  }
  assert {
    condition = module.iam.worker_trust[1].Condition.StringEquals == {
      "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub" = "system:serviceaccount:default:photos"
      "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com"
    }
    error_message = jsonencode(module.iam.worker_trust)
  }
  assert {
    condition     = module.iam.controller_rights_of_workers_role
    error_message = "The controller of the cluster has no rights."
  }
}

run "one_task_scales_by_alarms" {
  variables {
    controller   = "none"
    scaling      = "cloudwatch"
    scaling_task = "photos"
  }
  assert {
    condition     = output.controller_function_name == null && length(module.observability.alarms) == 0
    error_message = "There is no controller, and no alarm over its metrics."
  }
}

run "queues_of_one_task_have_alarms_without_a_function" {
  variables {
    controller   = "none"
    scaling      = "cloudwatch"
    scaling_task = "films"
  }
  assert {
    condition     = sort(module.observability.alarm_names) == tolist(["photos-dead-letters", "photos-no-progress", "photos-oldest-message"])
    error_message = join(", ", module.observability.alarm_names)
  }
  assert {
    condition = (
      module.observability.expression_alarms["dead-letters"].expression == "FILL(d,0)"
      && module.observability.expression_alarms["dead-letters"].threshold == 0
      && {
        for id, metric in module.observability.expression_alarms["dead-letters"].metrics : id => "${metric.name} of ${metric.dimensions["QueueName"]}"
      } == { d = "ApproximateNumberOfMessagesVisible of photos--films--dead" }
    )
    error_message = jsonencode(module.observability.expression_alarms["dead-letters"])
  }
  assert {
    condition = (
      module.observability.expression_alarms["oldest-message"].threshold == 432000
      && {
        for id, metric in module.observability.expression_alarms["oldest-message"].metrics : id => "${metric.name} of ${metric.dimensions["QueueName"]}"
        } == {
        a  = "ApproximateAgeOfOldestMessage of photos--films"
        ae = "ApproximateAgeOfOldestMessage of photos--films--events"
      }
    )
    error_message = jsonencode(module.observability.expression_alarms["oldest-message"])
  }
  assert {
    condition = alltrue([
      for alarm in module.observability.expression_alarms : alltrue([
        for id, metric in alarm.metrics : strcontains(alarm.expression, "FILL(${id},0)") && metric.namespace == "AWS/SQS"
      ])
    ])
    error_message = "An expression leaves out a metric, or is not known while SQS writes none."
  }
}

run "a_function_has_its_own_alarms_alone" {
  variables {
    scaling      = "cloudwatch"
    scaling_task = "films"
  }
  assert {
    condition = (
      length(module.observability.alarm_names) == 9
      && sort(keys(module.observability.expression_alarms)) == tolist(["no-machines", "no-progress"])
    )
    error_message = join(", ", module.observability.alarm_names)
  }
}

run "many_tasks_without_a_function_have_no_alarms" {
  variables {
    controller = "none"
  }
  assert {
    condition     = length(module.observability.alarm_names) == 0
    error_message = join(", ", module.observability.alarm_names)
  }
}

run "queues_of_tasks_are_named_before_a_destroy" {
  command = plan
  override_data {
    target = data.aws_sqs_queues.left
    values = {
      queue_urls = [
        "https://sqs.eu-central-1.amazonaws.com/111122223333/photos--operations",
        "https://sqs.eu-central-1.amazonaws.com/111122223333/photos--films",
      ]
    }
  }
  expect_failures = [check.tasks_are_deleted]
}

run "queues_of_the_module_go_with_it" {
  command = plan
  override_data {
    target = data.aws_sqs_queues.left
    values = {
      queue_urls = [
        "https://sqs.eu-central-1.amazonaws.com/111122223333/photos--operations",
        "https://sqs.eu-central-1.amazonaws.com/111122223333/photos--operations-dead",
      ]
    }
  }
  assert {
    condition     = length(local.queues_left) == 0
    error_message = join(", ", local.queues_left)
  }
}

run "a_protected_fleet_reads_no_queues" {
  command = plan
  variables {
    deletion_protection = true
  }
  assert {
    condition     = length(data.aws_sqs_queues.left) == 0
    error_message = "Its deployer needs no right to list them."
  }
}

run "senders_of_events_send_to_one_queue" {
  variables {
    event_senders = ["photos"]
  }
  assert {
    condition     = output.event_sender_users["photos"] == "photos-photos-events"
    error_message = "Each task has a user of its own."
  }
}

# No program of ours calls KMS: S3, DynamoDB, SQS and SNS do, in the name of who asks them. So no recorded request shows
# that these rights are needed (tests/deploy/test_moto.py), and they are listed here.
run "services_use_keys_in_the_name_of_roles" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/fleet"
    buckets = {
      "originals" = { source = true, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/source" }
      "copies"    = { destination = true, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/destination" }
    }
  }
  assert {
    condition = jsonencode({
      for role, statements in module.iam.policies : role => [
        for statement in statements : concat(statement.Action, [for arn in statement.Resource : split("/", arn)[1]])
        if startswith(statement.Action[0], "kms:")
      ]
      }) == jsonencode({
      admin      = [["kms:Decrypt", "kms:GenerateDataKey", "fleet"]]
      controller = [["kms:Decrypt", "kms:GenerateDataKey", "fleet"]]
      operator   = [["kms:Decrypt", "kms:GenerateDataKey", "fleet"]]
      viewer     = [["kms:Decrypt", "kms:GenerateDataKey", "fleet"]]
      worker = [
        ["kms:Decrypt", "kms:GenerateDataKey", "fleet"],
        ["kms:Decrypt", "source"],
        ["kms:Decrypt", "kms:GenerateDataKey", "destination"],
      ]
    })
    error_message = "A role has other rights to keys than those that the services need in its name."
  }
}
