package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// shape is what a mapping may have: fields by name, with "!" behind it where it has to be
// there, and their own shape; nil: anything. A list has the shape of its elements. "*" is
// every other field.
type shape map[string]shape

// check reports what a value lacks, and what it has that there is not.
func (s shape) check(t *testing.T, path string, value any) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for n, v := range value {
			s.check(t, fmt.Sprintf("%s[%d]", path, n), v)
		}
	case map[string]any:
		for name := range s {
			if required, is := strings.CutSuffix(name, "!"); is && value[required] == nil {
				t.Errorf("%s lacks %s", path, required)
			}
		}
		for name, v := range value {
			below, known := s[name]
			if !known {
				below, known = s[name+"!"]
			}
			if !known {
				below, known = s["*"]
			}
			switch {
			case !known:
				t.Errorf("%s has %s, which there is not", path, name)
			case below != nil:
				below.check(t, path+"."+name, v)
			}
		}
	default:
		t.Errorf("%s is %v, want fields", path, value)
	}
}

// Parts of objects, as far as they are used here: fields, and which of them have to be there, by
// the reference of Kubernetes' API (core/v1, apps/v1, networking.k8s.io/v1). Some that it has
// defaults for have to be said here all the same.
var (
	anyShape    = shape{"*": nil}
	k8sMetadata = shape{"name!": nil, "namespace": nil, "labels": anyShape, "annotations": anyShape}
	k8sKey      = shape{"name!": nil, "key!": nil}
	k8sEnv      = shape{"name!": nil, "value": nil, "valueFrom": {"secretKeyRef": k8sKey, "configMapKeyRef": k8sKey, "fieldRef": {"fieldPath!": nil}}}
	k8sMounts   = shape{"name!": nil, "mountPath!": nil, "readOnly": nil, "subPath": nil}
	k8sVolumes  = shape{
		"name!": nil, "secret": {"secretName!": nil}, "configMap": {"name!": nil}, "emptyDir": {"medium": nil, "sizeLimit": nil},
		"persistentVolumeClaim": {"claimName!": nil},
	}
	k8sProbe     = shape{"httpGet!": {"path!": nil, "port!": nil}, "periodSeconds": nil}
	k8sResources = shape{"requests": {"cpu": nil, "memory": nil, "storage": nil}, "limits": {"cpu": nil, "memory": nil, "nvidia.com/gpu": nil}}
	k8sConfined  = shape{"allowPrivilegeEscalation": nil, "capabilities": {"drop": nil, "add": nil}, "runAsNonRoot": nil}
	k8sContainer = shape{
		"name!": nil, "image!": nil, "imagePullPolicy": nil, "args": nil, "env": k8sEnv, "ports": {"containerPort!": nil, "name": nil, "protocol": nil},
		"securityContext": k8sConfined, "readinessProbe": k8sProbe, "resources": k8sResources, "volumeMounts": k8sMounts,
	}
	k8sPod = shape{
		"serviceAccountName": nil, "automountServiceAccountToken": nil, "containers!": k8sContainer, "volumes": k8sVolumes,
		"securityContext": {"runAsUser": nil, "runAsGroup": nil, "runAsNonRoot": nil, "fsGroup": nil, "seccompProfile": {"type!": nil}},
	}
	k8sLabelled  = shape{"matchLabels!": anyShape}
	k8sPeer      = shape{"namespaceSelector": k8sLabelled, "podSelector": k8sLabelled}
	k8sPorts     = shape{"protocol!": nil, "port!": nil, "endPort": nil}
	k8sReference = shape{"name!": nil, "namespace": nil}
	kindLogo     = shape{"configMap!": {"name!": nil, "namespace!": nil, "key!": nil, "mediaType!": nil}} // or url
	kindOptions  = func(spec shape) shape {
		return shape{"spawner!": {"default!": nil}, "values!": {"id!": nil, "spawner!": {"displayName!": nil, "description": nil, "hidden": nil}, "spec!": spec}}
	}
)

// k8sKinds are the objects of Kubernetes that are used here: apiVersion and kind, and what
// they have beside metadata. Those that are not Kubernetes' own follow
//   - Notebook: kubeflow/kubeflow, components/notebook-controller/api/v1;
//   - PodDefault: the same, components/admission-webhook/pkg/apis/settings/v1alpha1;
//   - WorkspaceKind: kubeflow/notebooks, branch notebooks-v2, workspaces/controller/api/v1beta1
//     at 000eaaac (2026): activityProbe and activityRules, ports of the pod template;
//   - GatewayClass and Gateway: kubernetes-sigs/gateway-api 1.6, v1;
//   - GatewayConfig and UDPRoute: l7mp/stunner-gateway-operator 1.1, api/v1.
var k8sKinds = map[string]shape{
	"kubeflow.org/v1 Notebook":         {"spec!": {"template!": {"spec!": k8sPod}}},
	"kubeflow.org/v1alpha1 PodDefault": {"spec!": {"desc": nil, "selector!": k8sLabelled, "env": k8sEnv, "volumes": k8sVolumes, "volumeMounts": k8sMounts}},
	"kubeflow.org/v1beta1 WorkspaceKind": {"spec!": {
		"spawner!":      {"displayName!": nil, "description!": nil, "hidden": nil, "deprecated": nil, "icon!": kindLogo, "logo!": kindLogo},
		"activityRules": {"config!": {"secondsSinceActive!": nil, "minRunningSeconds": nil}, "effect!": {"pauseWorkspace!": nil}},
		"podTemplate!": {
			"serviceAccount": {"clusterRoles": {"name!": nil}},
			"activityProbe": {
				"minProbeIntervalSeconds": nil, "probeIntervalSeconds": nil, "jupyter!": {"lastActivity!": nil, "portId!": nil}, // or podExec
			},
			"probes": {"readinessProbe": k8sProbe}, "volumeMounts!": {"home!": nil},
			"ports!":   {"id!": nil, "protocol!": nil, "defaultDisplayName!": nil, "httpProxy": {"removePathPrefix": nil}},
			"extraEnv": k8sEnv, "extraVolumeMounts": k8sMounts, "extraVolumes": k8sVolumes,
			"securityContext": {"fsGroup": nil}, "containerSecurityContext": k8sConfined,
			"options!": {
				"imageConfig!": kindOptions(shape{"image!": nil, "imagePullPolicy": nil, "ports!": {"id!": nil, "port!": nil, "displayName": nil}}),
				"podConfig!":   kindOptions(shape{"resources": k8sResources, "tolerations": {"key": nil, "operator": nil, "effect": nil}}),
			},
		},
	}},
	"networking.k8s.io/v1 NetworkPolicy": {"spec!": {
		"podSelector!": k8sLabelled, "policyTypes": nil, "ingress": {"from!": k8sPeer, "ports": k8sPorts}, "egress": {"to!": k8sPeer, "ports": k8sPorts},
	}},
	"v1 PersistentVolumeClaim": {"spec!": {"accessModes!": nil, "resources!": k8sResources}},
	"v1 ConfigMap":             {"data!": anyShape},
	"v1 Service": {"spec!": {
		"type": nil, "externalTrafficPolicy": nil, "selector!": anyShape, "ports!": {"name": nil, "port!": nil, "protocol": nil, "targetPort": nil},
	}},
	"apps/v1 Deployment": {"spec!": {"replicas": nil, "selector!": k8sLabelled, "template!": {"metadata!": {"labels!": anyShape}, "spec!": k8sPod}}},
	"gateway.networking.k8s.io/v1 GatewayClass": {"spec!": {
		"controllerName!": nil, "parametersRef": {"group!": nil, "kind!": nil, "name!": nil, "namespace": nil},
	}},
	"gateway.networking.k8s.io/v1 Gateway": {"spec!": {"gatewayClassName!": nil, "listeners!": {"name!": nil, "port!": nil, "protocol!": nil}}},
	"stunner.l7mp.io/v1 GatewayConfig":     {"spec!": {"realm": nil, "authType": nil, "authRef": k8sReference}},
	"stunner.l7mp.io/v1 UDPRoute":          {"spec!": {"parentRefs!": k8sReference, "rules!": {"backendRefs!": k8sReference}}},
}

// deployedFiles are those that are no objects of Kubernetes: the spawner's as
// kubeflow/kubeflow's crud-web-apps/jupyter reads it, Compose's as the schema of
// compose-spec/compose-spec at 00655e22 (2025) has it, the hub's as zero-to-jupyterhub-k8s 4.1
// and KubeSpawner's profile_list do, and Open OnDemand's as OSC/ondemand's batch_connect reads it.
var deployedFiles = map[string]shape{
	"kubeflow/spawner_ui_config.yaml": {"spawnerFormDefaults!": {"*": {"value!": nil, "options": nil, "readOnly": nil, "limitFactor": nil}}},
	"jupyterhub/z2jh-values.yaml": {
		"singleuser!": {
			"profileList!": {
				"display_name!": nil, "slug!": nil, "description": nil, "default": nil,
				"kubespawner_override!": {
					"image!": nil, "image_pull_policy": nil, "cmd!": nil, "default_url!": nil, "mem_guarantee": nil, "mem_limit": nil,
					"environment": anyShape, "extra_resource_limits": anyShape,
				},
			},
			"memory":        {"limit": nil},
			"storage":       {"extraVolumes": k8sVolumes, "extraVolumeMounts": k8sMounts},
			"networkPolicy": {"egress": {"to!": k8sPeer, "ports": k8sPorts}, "ingress": {"from!": k8sPeer, "ports": k8sPorts}},
		},
		"cull": {"enabled": nil, "timeout": nil, "every": nil},
		"hub":  {"config": {"JupyterHub": {"subdomain_host": nil}}},
	},
	"compose/compose.yaml": {
		"name": nil,
		"services!": {"*": {
			"image!": nil, "restart": nil, "environment": anyShape, "ports": nil, "volumes": nil, "shm_size": nil, "read_only": nil, "tmpfs": nil,
			"cap_drop": nil, "cap_add": nil, "security_opt": nil, "command": nil, "networks": {"*": {"ipv4_address": nil}},
		}},
		"networks": {"*": {"ipam": {"config": {"subnet": nil}}}},
		"volumes":  {"*": anyShape},
	},
	"ood/manifest.yml": {"name!": nil, "category!": nil, "subcategory": nil, "role!": nil, "description!": nil},
	"ood/form.yml": {"cluster!": nil, "form!": nil, "attributes!": {"*": {
		"widget": nil, "label": nil, "value": nil, "min": nil, "max": nil, "step": nil,
	}}},
	"ood/submit.yml": {"batch_connect!": {"template!": nil}, "script!": {"native!": nil}},
}

// shapeOf returns what a document has to be like.
func shapeOf(t *testing.T, path string, document any) shape {
	t.Helper()
	if file, known := deployedFiles[strings.TrimPrefix(path, deployDir+"/")]; known {
		return file
	}
	fields, _ := document.(map[string]any)
	kind := fmt.Sprint(fields["apiVersion"], " ", fields["kind"])
	of, known := k8sKinds[kind]
	if !known {
		t.Fatalf("%s: nobody knows what %s is like", filepath.Base(path), kind)
	}
	all := shape{"apiVersion!": nil, "kind!": nil, "metadata!": k8sMetadata}
	for name, below := range of {
		all[name] = below
	}
	return all
}
