package cluster

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

const controlPlaneLabel = "node-role.kubernetes.io/control-plane"

// controlPlaneTaints keep ordinary pods away, as kubeadm does.
var controlPlaneTaints = []corev1.Taint{{Key: controlPlaneLabel, Effect: corev1.TaintEffectNoSchedule}}

func controlPlaneCapacity(p ControlPlane) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU: *resource.NewQuantity(int64(p.Cores), resource.DecimalSI), corev1.ResourceMemory: resource.MustParse("16Gi"),
	}
}

// staticPod is a control-plane process as kubeadm runs it: image, CPU request and health endpoint of kubeadm's manifests
// (cmd/kubeadm/app/phases/controlplane and etcd).
type staticPod struct {
	name, image, cpu, memory string
	port                     int32
	path                     string
}

const imagePrefix = "registry.k8s.io/"

var staticPodTable = []staticPod{
	{"etcd", "etcd:3.6.8-0", "100m", "100Mi", 2381, "/livez"},
	{"kube-apiserver", "kube-apiserver:v1.36.3", "250m", "", 6443, "/livez"},
	{"kube-controller-manager", "kube-controller-manager:v1.36.3", "200m", "", 10257, "/healthz"},
	{"kube-scheduler", "kube-scheduler:v1.36.3", "100m", "", 10259, "/livez"},
}

// staticPods are those of control-plane machine i: a member and an API server stand on the first machines only.
func (c *Cluster) staticPods(i int) []*corev1.Pod {
	plane := c.topology.ControlPlane
	var pods []*corev1.Pod
	for _, s := range staticPodTable {
		if s.name == "etcd" && i >= plane.EtcdMembers || s.name == "kube-apiserver" && i >= plane.APIServers {
			continue
		}
		pods = append(pods, s.pod())
	}
	return pods
}

func (s staticPod) pod() *corev1.Pod {
	requests := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(s.cpu)}
	if s.memory != "" {
		requests[corev1.ResourceMemory] = resource.MustParse(s.memory)
	}
	priority := int32(2_000_001_000)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.name, Namespace: metav1.NamespaceSystem, Labels: map[string]string{"component": s.name, "tier": "control-plane"},
		},
		Spec: corev1.PodSpec{
			HostNetwork: true, PriorityClassName: "system-node-critical", Priority: &priority,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}},
			Containers: []corev1.Container{{
				Name: s.name, Image: imagePrefix + s.image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{s.name},
				Resources:     corev1.ResourceRequirements{Requests: requests},
				LivenessProbe: s.liveness(),
			}},
		},
	}
}

func (s staticPod) liveness() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: "127.0.0.1", Path: s.path, Port: intstr.FromInt32(s.port), Scheme: corev1.URISchemeHTTPS}},
		InitialDelaySeconds: 10, TimeoutSeconds: 15, PeriodSeconds: 10, FailureThreshold: 8, SuccessThreshold: 1,
	}
}

// withControlPlaneImages adds what is known of the control plane's images: sizes of the published ones, about.
func withControlPlaneImages(images map[string]runtime.Image) map[string]runtime.Image {
	all := map[string]runtime.Image{}
	for _, s := range staticPodTable {
		all[imagePrefix+s.image] = runtime.Image{Bytes: 60 << 20, Startup: 500 * time.Millisecond}
	}
	maps.Copy(all, images)
	return all
}
