package nodeipam

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers and patchTries are upstream's cidrUpdateWorkers and cidrUpdateRetries.
	workers    = 30
	patchTries = 3
	// nodeBits is the size of a node's range (--node-cidr-mask-size).
	nodeBits = 24
)

// Controller is the node IPAM controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	cidrs    *cidrSet
	cost     host.Op
	queue    *client.WorkQueue[string]
	nodes    *client.Informer
	// assigned are nodes whose range the informer has not shown yet.
	assigned map[string]bool
}

// New returns a constructor of a controller, not started, that hands out /24 ranges of cluster (--cluster-cidr).
func New(cluster netip.Prefix) func() controller.Controller {
	return func() controller.Controller { return &Controller{cidrs: newCIDRSet(cluster, nodeBits)} }
}

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.assigned = make(map[string]bool)
	// The account of the node lifecycle controller, but a clientset and token bucket of its own.
	c.client = env.NewClient("node-controller")
	c.recorder = env.Recorder(c.client, "cidrAllocator")
	c.cost = env.Process.Op("kcm.nodeipam.sync")
	c.queue = client.NewWorkQueue[string](env.Process, "cidrallocator_node", client.QueueConfig{})
	c.nodes = env.Informers.For(api.Nodes, client.Options{})
	c.nodes.OnEvent(client.Handler{
		// What nodes have must be known before any worker hands out a range: upstream lists the nodes first.
		Add:    func(o api.Object) { c.occupy(o.(*corev1.Node)); c.queue.Add(o.GetName()) },
		Update: func(_, cur api.Object) { c.updated(cur.(*corev1.Node)) },
		Delete: func(o api.Object) { c.release(o.(*corev1.Node)) },
	})
	loop := controller.Workers[string]{Name: "nodeipam", Queue: c.queue, Count: workers, Sync: c.sync}
	loop.Run(env.Process, env.Synced(c.nodes))
}

func (c *Controller) updated(node *corev1.Node) {
	switch {
	case len(node.Spec.PodCIDRs) > 0:
		delete(c.assigned, node.Name)
	case !c.assigned[node.Name]:
		c.queue.Add(node.Name)
	}
}

func (c *Controller) occupy(node *corev1.Node) {
	for _, p := range prefixesOf(node) {
		c.cidrs.occupy(p)
	}
}

func (c *Controller) release(node *corev1.Node) {
	delete(c.assigned, node.Name)
	for _, p := range prefixesOf(node) {
		c.cidrs.release(p)
	}
}

func prefixesOf(node *corev1.Node) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range node.Spec.PodCIDRs {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func (c *Controller) sync(t *sim.Task, name string) error {
	found, ok := c.nodes.Get("", name)
	if !ok {
		return nil
	}
	node := found.(*corev1.Node)
	if len(node.Spec.PodCIDRs) > 0 || c.assigned[name] {
		return nil
	}
	p, err := c.cidrs.allocate()
	if err != nil {
		c.report(node, "CIDRNotAvailable")
		return err
	}
	c.env.Process.Compute(t, c.cost, 1)
	if err := c.assign(t, name, p); err != nil {
		c.report(node, "CIDRAssignmentFailed")
		c.cidrs.release(p)
		return err
	}
	if found, ok := c.nodes.Get("", name); ok && len(found.(*corev1.Node).Spec.PodCIDRs) == 0 {
		c.assigned[name] = true
	}
	return nil
}

// assign patches the range into the node, three times if need be.
func (c *Controller) assign(t *sim.Task, name string, p netip.Prefix) (err error) {
	cidr := p.String()
	body := &api.PatchBody{
		Type:      types.StrategicMergePatchType,
		SizeBytes: len(`{"spec":{"podCIDR":"","podCIDRs":[""]}}`) + 2*len(cidr),
		Apply: func(old api.Object) (api.Object, error) {
			next := api.Shallow(old.(*corev1.Node))
			next.Spec.PodCIDR, next.Spec.PodCIDRs = cidr, []string{cidr}
			return next, nil
		},
	}
	for range patchTries {
		if _, err = client.Patch[*corev1.Node](t, c.client, api.Nodes, "", name, body, ""); err == nil {
			return nil
		}
	}
	return err
}

func (c *Controller) report(node *corev1.Node, what string) {
	about := &corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}
	c.recorder.Eventf(about, corev1.EventTypeNormal, what, "Node %s status is now: %s", node.Name, what)
}
