variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the fleet"
  type        = string
}

variable "group_name" {
  description = "The autoscaling group; its own metrics say how many machines are in service"
  type        = string
}

variable "topic_arn" {
  description = "The topic of the alarms"
  type        = string
}

variable "has_controller" {
  description = "Whether the controller is a function, whose metrics are there"
  type        = bool
  default     = true
}

variable "task" {
  description = "The fleet's only task: without the function, alarms judge its queues; null: there are none then"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything"
  type        = map(string)
  default     = {}
}
