{{- define "flotilla.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "flotilla.labels" -}}
app.kubernetes.io/name: flotilla
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "flotilla.account" -}}
{{- .Values.serviceAccount.name | default (include "flotilla.name" .) -}}
{{- end -}}

{{- define "flotilla.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- define "flotilla.fleetFile" -}}
{{- with .Values.publicUrl }}
{{- if regexMatch "(?m)^public-url *=" $.Values.fleetFile }}
{{- fail "fleetFile has a public-url: leave publicUrl empty" }}
{{- end }}
{{- /* Before the first section. */ -}}
public-url = {{ . | quote }}
{{ end -}}
{{ .Values.fleetFile }}
{{- end -}}

{{- define "flotilla.pod" -}}
serviceAccountName: {{ .account | default (include "flotilla.account" .) }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: fleet
    configMap:
      name: {{ include "flotilla.name" . }}
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
{{- end -}}

{{- define "flotilla.container" -}}
image: {{ include "flotilla.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- with .Values.environmentSecret }}
envFrom:
  - secretRef:
      name: {{ . }}
{{- end }}
volumeMounts:
  - name: fleet
    mountPath: /etc/flotilla
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end -}}
