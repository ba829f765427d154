# The machines: an autoscaling group of Spot and on-demand instances that starts empty. The controller asks for
# machines; idle ones end themselves.

data "aws_region" "current" {}

locals {
  region       = data.aws_region.current.id
  create_count = var.create ? 1 : 0
  default_types = {
    arm64 = [
      "c7g.large", "c6g.large", "c6gn.large", "c7gn.large", "m6g.large", "m7g.large", "m8g.large", "c8g.large",
      "r6g.large", "r7g.large", "t4g.large", "c7g.xlarge", "c6g.xlarge"
    ]
    x86_64 = [
      "c5.large", "c5a.large", "c5n.large", "c6i.large", "c6a.large", "c6in.large", "c7i.large", "c7a.large", "m5.large",
      "m6i.large", "m6a.large", "m7i.large", "t3.large"
    ]
  }
  # The first one is the template's own type.
  types = length(var.instance_types) > 0 ? var.instance_types : local.default_types[var.architecture]
  # The parameter of Amazon's own image, by architecture.
  image  = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
  suffix = { arm64 = "aarch64", x86_64 = "x86_64" }[var.architecture]

  boot = templatefile("${path.module}/boot.sh.tftpl", {
    archive    = "flotilla-${var.artifact.version}-${local.suffix}.tar.gz"
    folder     = "s3://${var.artifact.bucket}/${var.artifact.prefix}/${var.artifact.version}"
    sha256     = var.artifact.sha256
    fleet_file = var.fleet_file
    region     = local.region
    units      = var.has_controller ? "flotilla-worker flotilla-controller" : "flotilla-worker"
    script     = file("${path.module}/install.sh")
  })
}

resource "aws_security_group" "this" {
  count = local.create_count

  name        = "${var.name}-worker"
  description = "Machines of the fleet ${var.name}: nothing in, everything out"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-worker" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  count = local.create_count

  security_group_id = aws_security_group.this[0].id
  description       = "Stores and services of any provider"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_launch_template" "this" {
  count = local.create_count

  name_prefix            = "${var.name}-"
  description            = "Machines of the fleet ${var.name}"
  image_id               = coalesce(var.image_id, local.image)
  instance_type          = local.types[0]
  update_default_version = true
  user_data              = base64encode(local.boot)

  iam_instance_profile {
    arn = var.instance_profile_arn
  }

  network_interfaces {
    associate_public_ip_address = var.is_public
    delete_on_termination       = true
    security_groups             = [aws_security_group.this[0].id]
  }

  # Two hops, for a worker in a container.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 8
      volume_type           = "gp3"
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = false
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.name}-worker" })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = "${var.name}-worker" })
  }

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "this" {
  count = local.create_count

  name                      = var.group
  min_size                  = var.min_size
  max_size                  = var.max_size
  vpc_zone_identifier       = var.subnet_ids
  health_check_type         = "EC2"
  health_check_grace_period = 60
  default_instance_warmup   = 60
  enabled_metrics           = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances"]
  # It would end machines with work to even out the zones.
  suspended_processes = ["AZRebalance"]
  # A worker that reads a rebalance recommendation finishes and ends its machine; the controller asks anew.
  capacity_rebalance        = false
  termination_policies      = ["OldestLaunchTemplate", "Default"]
  wait_for_capacity_timeout = "0"

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.on_demand_base_capacity
      on_demand_percentage_above_base_capacity = var.on_demand_percentage
      on_demand_allocation_strategy            = "lowest-price"
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this[0].id
        version            = aws_launch_template.this[0].latest_version
      }

      dynamic "override" {
        for_each = local.types

        content {
          instance_type = override.value
        }
      }
    }
  }

  # A new template replaces machines, up to half at a time, and waits up to an hour for those with work.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage       = 50
      scale_in_protected_instances = "Wait"
      standby_instances            = "Wait"
      skip_matching                = true
    }
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = "${var.name}-worker" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false # The launch template does it.
    }
  }

  lifecycle {
    # The controller and the machines change it.
    ignore_changes = [desired_capacity]
  }
}

# A worker prolongs it every 30 s while it drains.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  count = local.create_count

  name                   = var.hook
  autoscaling_group_name = aws_autoscaling_group.this[0].name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 120
  default_result         = "CONTINUE"
}
