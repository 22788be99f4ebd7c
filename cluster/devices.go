package cluster

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// OvercommitError says that pods on a node use more of a GPU than there is.
type OvercommitError struct {
	Node, Message string
}

func (e *OvercommitError) Error() string {
	return fmt.Sprintf("the pods on a node never use more of a GPU than there is: %s: %s", e.Node, e.Message)
}

// deviceAudit adds up, by itself, what pods use of one node's GPUs: from their sandboxes, whatever scheduler and kubelet believe.
type deviceAudit struct {
	cluster *Cluster
	node    string
	count   int
	users   map[types.UID]runtime.DeviceUse
}

// auditDevices watches a node with GPUs; nil where there are none.
func (c *Cluster) auditDevices(node string, capacity corev1.ResourceList) func(runtime.DeviceUse) {
	_, count := gpu.CountOf(capacity)
	if count == 0 {
		return nil
	}
	a := &deviceAudit{c, node, count, map[types.UID]runtime.DeviceUse{}}
	return a.observe
}

func (a *deviceAudit) observe(u runtime.DeviceUse) {
	if !u.Taken {
		delete(a.users, u.Pod)
		return
	}
	a.users[u.Pod] = u
	for _, d := range u.Devices {
		if d.Index < 0 || d.Index >= a.count {
			a.cluster.found(&OvercommitError{a.node, fmt.Sprintf("pod %s uses GPU %d of %d", u.Name, d.Index, a.count)})
		} else if sum, pods := a.use(d.Index); sum > gpu.Whole {
			a.cluster.found(&OvercommitError{
				a.node, fmt.Sprintf("GPU %d: %d of %d thousandths are in use by %s", d.Index, sum, gpu.Whole, strings.Join(pods, ", ")),
			})
		}
	}
}

// use is how much of a GPU is in use, and by whom.
func (a *deviceAudit) use(index int) (sum int64, pods []string) {
	for _, u := range a.users { //sim:unordered a sum; names are sorted below
		for _, d := range u.Devices {
			if d.Index == index {
				sum += d.Milli
				pods = append(pods, u.Name)
			}
		}
	}
	slices.Sort(pods)
	return sum, pods
}
