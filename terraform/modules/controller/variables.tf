variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "role_arn" {
  description = "The controller's role"
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64"
  type        = string
  default     = "arm64"
}

variable "artifact" {
  description = "Where the program is"
  type = object({
    bucket  = string
    prefix  = optional(string, "flotilla")
    version = string
    sha256  = string
  })
}

variable "fleet_file" {
  description = "The fleet file's text"
  type        = string
}

variable "environment" {
  description = "Further environment variables of the function"
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "Key of the log and of the function's environment; null: keys of AWS"
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days for which the log is kept"
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
