variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "tasks" {
  description = "Tasks whose events come from outside of AWS"
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of the boundary of all users"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
