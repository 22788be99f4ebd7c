package schedulerperf

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// createNodes creates node objects. At most one of the strategies counts, in this order.
type createNodes struct {
	Opcode string `json:"opcode"`
	amount
	NodeTemplatePath         string        `json:"nodeTemplatePath"`
	NodeAllocatableStrategy  *allocatables `json:"nodeAllocatableStrategy"`
	LabelNodePrepareStrategy *labelValues  `json:"labelNodePrepareStrategy"`
	UniqueNodeLabelStrategy  *uniqueLabel  `json:"uniqueNodeLabelStrategy"`
}

// labelValues gives nodes the values of a label in turn.
type labelValues struct {
	LabelKey    string   `json:"labelKey"`
	LabelValues []string `json:"labelValues"`
}

// uniqueLabel gives each node a value of its own.
type uniqueLabel struct {
	LabelKey string `json:"labelKey"`
}

// allocatables adds to what nodes can hold, and says what their CSI drivers can attach.
type allocatables struct {
	NodeAllocatable    map[corev1.ResourceName]string            `json:"nodeAllocatable"`
	CSINodeAllocatable map[string]*storagev1.VolumeNodeResources `json:"csiNodeAllocatable"`
	MigratedPlugins    []string                                  `json:"migratedPlugins"`
}

// nameAttempts is how many names upstream tries for a node (node_util.go, createNodeRetries).
const nameAttempts = 5

func (o *createNodes) prepare(e *environment) (step, error) {
	count, err := o.of(e.params, 0)
	if err != nil {
		return nil, err
	}
	if l := o.LabelNodePrepareStrategy; l != nil && len(l.LabelValues) == 0 {
		return nil, fmt.Errorf("labelNodePrepareStrategy.labelValues: want at least one")
	}
	extra, err := o.NodeAllocatableStrategy.quantities()
	if err != nil {
		return nil, err
	}
	var nodes *source[*corev1.Node]
	if o.NodeTemplatePath != "" {
		if nodes, err = newSource(e.files, o.NodeTemplatePath, count, typed[corev1.Node]); err != nil {
			return nil, err
		}
	}
	return func(r *runner, t *sim.Task) error {
		for i := range count {
			shape := defaultNode(fmt.Sprintf("node-%d-", r.index))
			if nodes != nil {
				if shape, err = nodes.object(i, count); err != nil {
					return err
				}
			}
			if err := o.create(r, t, o.shape(shape, r.nodes, extra)); err != nil {
				return err
			}
			r.nodes++
		}
		return nil
	}, nil
}

// defaultNode is upstream's node where no template is given: 4 CPUs, 32Gi, 110 pods (util.go, makeBaseNode).
func defaultNode(prefix string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	n.Status.Capacity = api.Quantities("pods", "110", "cpu", "4", "memory", "32Gi")
	n.Status.Allocatable = n.Status.Capacity
	n.Status.Phase = corev1.NodeRunning
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return n
}

func (a *allocatables) quantities() (corev1.ResourceList, error) {
	if a == nil {
		return nil, nil
	}
	list := corev1.ResourceList{}
	for name, text := range a.NodeAllocatable { //sim:unordered builds another map
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fmt.Errorf("nodeAllocatableStrategy.nodeAllocatable.%s: %q: %w", name, text, err)
		}
		list[name] = quantity
	}
	return list, nil
}

// shape is a node with what the strategy does to the index-th.
func (o *createNodes) shape(template *corev1.Node, index int, extra corev1.ResourceList) *corev1.Node {
	n := api.Shallow(template)
	n.Labels = maps.Clone(n.Labels)
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	switch {
	case o.NodeAllocatableStrategy != nil:
		all := corev1.ResourceList{}
		if n.Status.Allocatable == nil {
			maps.Copy(all, n.Status.Capacity)
		}
		maps.Copy(all, n.Status.Allocatable)
		maps.Copy(all, extra)
		n.Status.Allocatable = all
	case o.LabelNodePrepareStrategy != nil:
		l := o.LabelNodePrepareStrategy
		n.Labels[l.LabelKey] = l.LabelValues[index%len(l.LabelValues)]
	case o.UniqueNodeLabelStrategy != nil:
		n.Labels[o.UniqueNodeLabelStrategy.LabelKey] = fmt.Sprint(index)
	}
	return n
}

// create names a node, as upstream does itself so that it knows the host name, and creates it with what hangs on it.
func (o *createNodes) create(r *runner, t *sim.Task, n *corev1.Node) error {
	var err error
	given := n.Name
	for range nameAttempts {
		if given == "" {
			n.Name = n.GenerateName + r.suffix()
		}
		n.Labels[corev1.LabelHostname] = n.Name
		if _, err = client.Create(t, r.client(), api.Nodes, n); err == nil || !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	if err != nil || o.NodeAllocatableStrategy == nil {
		return err
	}
	_, err = client.Create(t, r.client(), api.CSINodes, o.NodeAllocatableStrategy.csiNode(n.Name))
	return err
}

func (a *allocatables) csiNode(node string) *storagev1.CSINode {
	c := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{
		Name: node, Annotations: map[string]string{corev1.MigratedPluginsAnnotationKey: strings.Join(a.MigratedPlugins, ",")},
	}}
	for _, driver := range sortedKeys(a.CSINodeAllocatable) {
		c.Spec.Drivers = append(c.Spec.Drivers, storagev1.CSINodeDriver{Name: driver, NodeID: node, Allocatable: a.CSINodeAllocatable[driver]})
	}
	return c
}
