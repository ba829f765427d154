variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet. The names of all its queues, roles and machines begin with it"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.name)) && length(var.name) <= 20
    error_message = "name has 1 to 20 of a-z, 0-9 and -, no -- and no - at the ends."
  }
}

variable "buckets" {
  description = <<-EOT
    Buckets on Amazon S3 that tasks read or write, by name. `source` lets workers read, `destination` lets them write,
    `events` lets administrators wire the bucket's notifications. `prefix` narrows objects; `kms_key_arn` is the key
    that encrypts the bucket. Buckets of other providers need no entry
  EOT
  type = map(object({
    source      = optional(bool, false)
    destination = optional(bool, false)
    events      = optional(bool, false)
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : bucket.source || bucket.destination])
    error_message = "Each bucket is a source, a destination, or both."
  }

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : bucket.source || !bucket.events])
    error_message = "Only a source has events."
  }

  validation {
    condition     = alltrue([for name in keys(var.buckets) : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "A key of buckets is the name of a bucket, not an ARN or a URL."
  }

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : !startswith(bucket.prefix, "/")])
    error_message = "A prefix does not begin with a slash."
  }
}

variable "artifact" {
  description = <<-EOT
    Where machines get the programs: the objects that `deploy/release` makes, at
    `s3://BUCKET/PREFIX/VERSION/`, with the SHA-256 of the archive for machines
  EOT
  type = object({
    bucket  = string
    prefix  = optional(string, "flotilla")
    version = string
    sha256  = string
  })

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.artifact.sha256))
    error_message = "artifact.sha256 is 64 lower-case hexadecimal digits."
  }

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z.+-]*$", var.artifact.version))
    error_message = "artifact.version is a version, such as 0.1.0."
  }
}

variable "architecture" {
  description = "Architecture of the machines and the controller: arm64 or x86_64"
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "instance_types" {
  description = "Instance types of the machines; empty: ten or more of the architecture"
  type        = list(string)
  default     = []
}

variable "min_size" {
  description = "Machines that always run"
  type        = number
  default     = 0

  validation {
    condition     = var.min_size >= 0 && floor(var.min_size) == var.min_size
    error_message = "min_size is a whole number from 0."
  }
}

variable "max_size" {
  description = "Most machines"
  type        = number
  default     = 20

  validation {
    condition     = var.max_size >= 1 && var.max_size >= var.min_size && floor(var.max_size) == var.max_size
    error_message = "max_size is a whole number from 1, and at least min_size."
  }
}

variable "on_demand_base_capacity" {
  description = "Machines that are on demand before any is Spot"
  type        = number
  default     = 0
}

variable "on_demand_percentage" {
  description = "Percentage of the other machines that are on demand"
  type        = number
  default     = 0

  validation {
    condition     = var.on_demand_percentage >= 0 && var.on_demand_percentage <= 100
    error_message = "on_demand_percentage is 0 to 100."
  }
}

variable "image_id" {
  description = "Image of the machines; null: the newest Amazon Linux 2023 of the architecture"
  type        = string
  default     = null
}

variable "work" {
  description = "What one machine does: section [work] of the fleet file"
  type = object({
    concurrency  = optional(number, 64)
    memory_limit = optional(string, "512MiB")
    lease        = optional(string, "1m")
    drain        = optional(string, "90s")
    idle_exit    = optional(string, "5m")
  })
  default = {}
}

variable "controller" {
  description = "Where the controller runs: lambda, machine (the first machine; needs min_size of at least 1) or none"
  type        = string
  default     = "lambda"

  validation {
    condition     = contains(["lambda", "machine", "none"], var.controller)
    error_message = "controller is lambda, machine or none."
  }

  validation {
    condition     = var.controller != "machine" || var.min_size >= 1
    error_message = "A controller on the first machine needs min_size of at least 1: nothing else would start one."
  }
}

variable "scaling" {
  description = <<-EOT
    Who asks for machines: `controller`, or `cloudwatch` by alarms and target tracking over the queues of the one task
    `scaling_task`
  EOT
  type        = string
  default     = "controller"

  validation {
    condition     = contains(["controller", "cloudwatch"], var.scaling)
    error_message = "scaling is controller or cloudwatch."
  }

  validation {
    condition     = var.scaling != "cloudwatch" || var.scaling_task != null
    error_message = "scaling by cloudwatch needs scaling_task."
  }
}

variable "scaling_task" {
  description = <<-EOT
    The fleet's only task, for scaling by cloudwatch, and for three alarms over its queues if the controller is no
    function
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.scaling_task == null || can(regex("^[a-z0-9](-?[a-z0-9])*$", var.scaling_task)) && try(length(var.scaling_task) <= 40, false)
    error_message = "scaling_task has 1 to 40 of a-z, 0-9 and -, no -- and no - at the ends."
  }
}

variable "controller_environment" {
  description = <<-EOT
    Environment variables of the controller's function, for webhooks that tasks name as `env:NAME`. Terraform's state
    has their values
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.controller_environment), "FLOTILLA_FLEET_FILE")
    error_message = "FLOTILLA_FLEET_FILE is set by this module."
  }
}

variable "public_url" {
  description = "Where people reach the console, as https://HOST, for links in notices; null: notices have no links"
  type        = string
  default     = null

  validation {
    condition     = var.public_url == null || can(regex("^https?://[0-9A-Za-z._:\\[\\]-]+/?$", var.public_url))
    error_message = "public_url is scheme and host alone, such as https://flotilla.example.com."
  }
}

variable "service_account" {
  description = <<-EOT
    An account of pods in a cluster of Kubernetes that has the role of the output worker_role_arn: the cluster's OpenID
    provider in IAM, the namespace, and the account's name. If `controller` is none, the role also has the controller's
    rights
  EOT
  type = object({
    oidc_provider_arn = string
    namespace         = string
    name              = string
  })
  default = null

  validation {
    condition     = var.service_account == null || can(regex(":oidc-provider/.+", var.service_account.oidc_provider_arn))
    error_message = "service_account.oidc_provider_arn is the ARN of an OpenID provider: arn:…:oidc-provider/HOST/PATH."
  }
}

variable "network" {
  description = "An existing VPC and its subnets; null: a VPC of public subnets without any inbound port"
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || length(try(var.network.subnet_ids, [])) > 0
    error_message = "network.subnet_ids names at least one subnet."
  }
}

variable "cidr" {
  description = "Addresses of the VPC that is made"
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) <= 24, false)
    error_message = "cidr is a range of addresses of at least /24."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the table, the queue of operations, the topic, logs and disks; null: keys of AWS"
  type        = string
  default     = null
}

variable "assume_role_arns" {
  description = "Roles of other accounts that tasks name as `role:ARN`"
  type        = list(string)
  default     = []
}

variable "secret_arns" {
  description = "Secrets that tasks name as `secretsmanager:NAME`"
  type        = list(string)
  default     = []
}

variable "notify_topic_arns" {
  description = "Topics that tasks name in [notify]; the topic of the alarms is always among them"
  type        = list(string)
  default     = []
}

variable "event_senders" {
  description = "Tasks whose events come from outside of AWS: each gets a user that may only send to its queue of events"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for task in var.event_senders : can(regex("^[a-z0-9](-?[a-z0-9])*$", task)) && length(task) <= 40])
    error_message = "A task has 1 to 40 of a-z, 0-9 and -, no -- and no - at the ends."
  }
}

variable "alarm_emails" {
  description = "Who gets the alarms by e-mail"
  type        = list(string)
  default     = []
}

variable "create_alarms" {
  description = <<-EOT
    Whether to create alarms ($0.10 a month for each metric): nine over the metrics of the controller's function, without
    it three over the queues of `scaling_task`, else none
  EOT
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days for which the controller's log is kept"
  type        = number
  default     = 30
}

variable "permissions_boundary" {
  description = "ARN of the boundary of all roles and users"
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to destroy the fleet, and to delete its table"
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep backups of the table for 35 days"
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
