package whole

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

const (
	namespace = "default"
	image     = "openb/task"
	// podsPerNode is more than fit by CPU: the protocol knows no limit.
	podsPerNode = "1000"
)

// rate is scheduler_perf's client: 5000 requests a second (test/integration/scheduler_perf/util.go).
var rate = cluster.ClientRate{QPSMilli: 5_000_000, Burst: 5000}

// topology is a control plane and the scene's nodes.
func topology(scene *openb.Scene, o Options) (cluster.Topology, error) {
	scheduler, err := config.Default(config.Options{Policy: o.Policy, Workload: scene.Workload.Typical(), Ties: string(o.Ties)})
	if err != nil {
		return cluster.Topology{}, err
	}
	return cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1, Cores: 16, Headless: true}, Scheduler: scheduler,
		Clients: map[string]cluster.ClientRate{"kube-scheduler": rate, "kube-controller-manager": rate}, NodePools: pools(scene.Nodes),
	}, nil
}

// shape is what nodes of a pool have in common.
type shape struct {
	cpuMilli, memoryBytes int64
	gpus                  int
	model                 string
}

// pools puts nodes of one shape into a pool, in the order in which shapes come.
func pools(nodes []*policies.Node) []cluster.NodePool {
	at := map[shape]int{}
	var all []cluster.NodePool
	for _, n := range nodes {
		s := shape{n.CPULeft, n.MemoryLeft, len(n.GPULeft), n.Model}
		i, known := at[s]
		if !known {
			i = len(all)
			at[s] = i
			all = append(all, s.pool(fmt.Sprintf("shape-%d", i)))
		}
		all[i].Names = append(all[i].Names, n.Name)
		all[i].Count++
	}
	return all
}

func (s shape) pool(name string) cluster.NodePool {
	p := cluster.NodePool{Name: name, Capacity: api.Quantities("pods", podsPerNode), Labels: map[string]string{}}
	p.Capacity[corev1.ResourceCPU] = *resource.NewMilliQuantity(s.cpuMilli, resource.DecimalSI)
	p.Capacity[corev1.ResourceMemory] = *resource.NewQuantity(s.memoryBytes+kubelet.EvictionMemory, resource.BinarySI)
	if s.gpus > 0 {
		p.Capacity[gpu.Resources[0]] = resource.MustParse(strconv.Itoa(s.gpus))
		p.Labels[gpu.LabelModel] = s.model
	}
	return p
}

// object is the pod as its owner creates it.
func object(p *policies.Pod) *corev1.Pod {
	requests := corev1.ResourceList{
		corev1.ResourceCPU: *resource.NewMilliQuantity(p.CPUMilli, resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(p.MemoryBytes, resource.BinarySI),
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: p.Name, Annotations: gpu.Request{GPUs: p.GPUs, Milli: p.GPUMilli, Models: p.Models}.Annotations(),
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "task", Image: image, Resources: corev1.ResourceRequirements{Requests: requests}}}},
	}
}
