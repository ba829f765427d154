variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "group" {
  description = "Name of the autoscaling group"
  type        = string
}

variable "hook" {
  description = "Name of the hook that waits for machines to drain"
  type        = string
}

variable "vpc_id" {
  description = "The machines' VPC"
  type        = string
}

variable "subnet_ids" {
  description = "Their subnets"
  type        = list(string)
}

variable "is_public" {
  description = "Whether machines need public addresses"
  type        = bool
  default     = true
}

variable "architecture" {
  description = "arm64 or x86_64"
  type        = string
  default     = "arm64"
}

variable "instance_types" {
  description = "Instance types; empty: ten or more of the architecture"
  type        = list(string)
  default     = []
}

variable "image_id" {
  description = "Image; null: the newest Amazon Linux 2023"
  type        = string
  default     = null
}

variable "min_size" {
  description = "Machines that always run"
  type        = number
  default     = 0
}

variable "max_size" {
  description = "Most machines"
  type        = number
  default     = 20
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
}

variable "instance_profile_arn" {
  description = "The machines' profile"
  type        = string
}

variable "fleet_file" {
  description = "The fleet file's text"
  type        = string
}

variable "artifact" {
  description = "Where machines get the programs"
  type = object({
    bucket  = string
    prefix  = optional(string, "flotilla")
    version = string
    sha256  = string
  })
}

variable "has_controller" {
  description = "Whether each machine also runs the controller: several are harmless"
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "Key of the disks; null: the key of AWS"
  type        = string
  default     = null
}

variable "scaling" {
  description = "controller or cloudwatch"
  type        = string
  default     = "controller"
}

variable "scaling_task" {
  description = "The fleet's only task, for scaling by cloudwatch"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
