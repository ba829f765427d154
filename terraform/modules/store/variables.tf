variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "kms_key_arn" {
  description = "Key of table, queue and topic; null: keys of AWS"
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to delete the table"
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep backups of the table for 35 days"
  type        = bool
  default     = false
}

variable "alarm_emails" {
  description = "Who gets the alarms by e-mail"
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
