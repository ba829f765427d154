variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "buckets" {
  description = "Buckets on Amazon S3 that tasks read or write, by name"
  type = map(object({
    source      = optional(bool, false)
    destination = optional(bool, false)
    events      = optional(bool, false)
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
}

variable "artifact_arn" {
  description = "The objects that machines fetch when they boot"
  type        = string
}

variable "kms_key_arn" {
  description = "Key of table, queues and topic; null: keys of AWS"
  type        = string
  default     = null
}

variable "assume_role_arns" {
  description = "Roles that tasks name as `role:ARN`"
  type        = list(string)
  default     = []
}

variable "secret_arns" {
  description = "Secrets that tasks name as `secretsmanager:NAME`"
  type        = list(string)
  default     = []
}

variable "topic_arns" {
  description = "Topics that tasks name in [notify]"
  type        = list(string)
  default     = []
}

variable "controller" {
  description = "Where the controller runs: lambda, machine or none"
  type        = string
  default     = "lambda"
}

variable "service_account" {
  description = "Account of pods that gets the machines' role; null: none"
  type = object({
    oidc_provider_arn = string
    namespace         = string
    name              = string
  })
  default = null
}

variable "permissions_boundary" {
  description = "ARN of the boundary of all roles"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
