package extender

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	configv1 "k8s.io/kube-scheduler/config/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// defaultTimeout bounds a request (pkg/scheduler/extender.go).
const defaultTimeout = 5 * time.Second

// Transport sends requests.
type Transport interface {
	// Post waits for the answer.
	Post(url string, args any, sizeBytes int, timeout time.Duration) (any, error)
	// PostAside does not; done is called with it.
	PostAside(url string, args any, sizeBytes int, timeout time.Duration, done func(any, error))
}

// client asks an extender: framework.Extender.
type client struct {
	config    configv1.Extender
	managed   map[string]bool
	timeout   time.Duration
	transport Transport
}

// New returns a configuration's extenders in the order in which they are asked: those that may be ignored come last.
func New(configs []configv1.Extender, transport Transport) []framework.Extender {
	var needed, ignorable []framework.Extender
	for i := range configs {
		c := &client{config: configs[i], managed: map[string]bool{}, timeout: configs[i].HTTPTimeout.Duration, transport: transport}
		if c.timeout == 0 {
			c.timeout = defaultTimeout
		}
		for _, r := range configs[i].ManagedResources {
			c.managed[r.Name] = true
		}
		if c.IsIgnorable() {
			ignorable = append(ignorable, c)
		} else {
			needed = append(needed, c)
		}
	}
	return append(needed, ignorable...)
}

func (c *client) Name() string             { return c.config.URLPrefix }
func (c *client) IsIgnorable() bool        { return c.config.Ignorable }
func (c *client) IsFilter() bool           { return c.config.FilterVerb != "" }
func (c *client) IsPrioritizer() bool      { return c.config.PrioritizeVerb != "" }
func (c *client) IsBinder() bool           { return c.config.BindVerb != "" }
func (c *client) SupportsPreemption() bool { return c.config.PreemptVerb != "" }

// IsInterested reports whether the pod asks for a resource that the extender manages; one that manages none is asked about all pods.
func (c *client) IsInterested(pod *corev1.Pod) bool {
	if len(c.managed) == 0 {
		return true
	}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			if c.manages(containers[i].Resources.Requests) || c.manages(containers[i].Resources.Limits) {
				return true
			}
		}
	}
	return false
}

func (c *client) manages(list corev1.ResourceList) bool {
	//sim:unordered any one will do
	for name := range list {
		if c.managed[string(name)] {
			return true
		}
	}
	return false
}

func (c *client) url(verb string) string {
	return strings.TrimRight(c.config.URLPrefix, "/") + "/" + verb
}

// args describes the nodes: by name to an extender that knows them, as objects to others.
func (c *client) args(pod *corev1.Pod, nodes []*framework.NodeInfo) (*extenderv1.ExtenderArgs, int) {
	args := &extenderv1.ExtenderArgs{Pod: pod}
	size := api.SizeOf(pod)
	if c.config.NodeCacheCapable {
		names := make([]string, len(nodes))
		for i, n := range nodes {
			names[i] = n.Name()
			size += len(names[i])
		}
		args.NodeNames = &names
		return args, size
	}
	args.Nodes = &corev1.NodeList{Items: make([]corev1.Node, len(nodes))}
	for i, n := range nodes {
		args.Nodes.Items[i] = *n.Node
		size += api.SizeOf(n.Node)
	}
	return args, size
}

// Filter implements framework.Extender.
func (c *client) Filter(pod *corev1.Pod, nodes []*framework.NodeInfo) (framework.ExtenderVerdict, error) {
	if !c.IsFilter() {
		return framework.ExtenderVerdict{Nodes: nodes}, nil
	}
	args, size := c.args(pod, nodes)
	result, err := post[*extenderv1.ExtenderFilterResult](c, c.config.FilterVerb, args, size)
	if err != nil {
		return framework.ExtenderVerdict{}, err
	}
	if result.Error != "" {
		return framework.ExtenderVerdict{}, errors.New(result.Error)
	}
	v := framework.ExtenderVerdict{Failed: result.FailedNodes, Unresolvable: result.FailedAndUnresolvableNodes}
	var left []string
	switch {
	case c.config.NodeCacheCapable && result.NodeNames != nil:
		left = *result.NodeNames
	case result.Nodes != nil:
		v.Bare = true
		for i := range result.Nodes.Items {
			left = append(left, result.Nodes.Items[i].Name)
		}
	}
	byName := map[string]*framework.NodeInfo{}
	for _, n := range nodes {
		byName[n.Name()] = n
	}
	for i, name := range left {
		n := byName[name]
		if n == nil {
			return framework.ExtenderVerdict{}, fmt.Errorf("extender %q claims a filtered node %q which is not found in the input node list", c.Name(), name)
		}
		if v.Bare {
			n = n.Bare(&result.Nodes.Items[i])
		}
		v.Nodes = append(v.Nodes, n)
	}
	return v, nil
}

// Prioritize implements framework.Extender.
func (c *client) Prioritize(pod *corev1.Pod, nodes []*framework.NodeInfo) (extenderv1.HostPriorityList, int64, error) {
	if !c.IsPrioritizer() {
		list := make(extenderv1.HostPriorityList, len(nodes))
		for i, n := range nodes {
			list[i].Host = n.Name()
		}
		return list, 0, nil
	}
	args, size := c.args(pod, nodes)
	list, err := post[*extenderv1.HostPriorityList](c, c.config.PrioritizeVerb, args, size)
	if err != nil {
		return nil, 0, err
	}
	return *list, c.config.Weight, nil
}

// Bind implements framework.Extender.
func (c *client) Bind(pod *corev1.Pod, node string, done func(error)) {
	args := &extenderv1.ExtenderBindingArgs{PodName: pod.Name, PodNamespace: pod.Namespace, PodUID: pod.UID, Node: node}
	size := len(pod.Name) + len(pod.Namespace) + len(pod.UID) + len(node)
	c.transport.PostAside(c.url(c.config.BindVerb), args, size, c.timeout, func(answer any, err error) {
		result, err := decode[*extenderv1.ExtenderBindingResult](c.config.BindVerb, c.url(c.config.BindVerb), answer, err)
		if err == nil && result.Error != "" {
			err = errors.New(result.Error)
		}
		done(err)
	})
}

// ProcessPreemption implements framework.Extender. The answer names victims by UID; they must be on their nodes.
func (c *client) ProcessPreemption(pod *corev1.Pod, victims map[string]*extenderv1.Victims, snapshot *framework.Snapshot) (map[string]*extenderv1.Victims, error) {
	args := &extenderv1.ExtenderPreemptionArgs{Pod: pod}
	if c.config.NodeCacheCapable {
		args.NodeNameToMetaVictims = named(victims)
	} else {
		args.NodeNameToVictims = victims
	}
	result, err := post[*extenderv1.ExtenderPreemptionResult](c, c.config.PreemptVerb, args, api.SizeOf(pod))
	if err != nil {
		return nil, err
	}
	left := map[string]*extenderv1.Victims{}
	for _, name := range slices.Sorted(maps.Keys(result.NodeNameToMetaVictims)) {
		node := snapshot.Node(name)
		if node == nil {
			return nil, fmt.Errorf("nodeinfo not found for node name %q", name)
		}
		if left[name], err = c.found(result.NodeNameToMetaVictims[name], node); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// named names victims by UID.
func named(victims map[string]*extenderv1.Victims) map[string]*extenderv1.MetaVictims {
	list := map[string]*extenderv1.MetaVictims{}
	//sim:unordered builds another map
	for node, v := range victims {
		meta := &extenderv1.MetaVictims{NumPDBViolations: v.NumPDBViolations}
		for _, pod := range v.Pods {
			meta.Pods = append(meta.Pods, &extenderv1.MetaPod{UID: string(pod.UID)})
		}
		list[node] = meta
	}
	return list
}

func (c *client) found(meta *extenderv1.MetaVictims, node *framework.NodeInfo) (*extenderv1.Victims, error) {
	victims := &extenderv1.Victims{NumPDBViolations: meta.NumPDBViolations}
	for _, wanted := range meta.Pods {
		i := slices.IndexFunc(node.Pods, func(p *framework.PodInfo) bool { return string(p.Pod.UID) == wanted.UID })
		if i < 0 {
			return nil, fmt.Errorf("extender: %v claims to preempt pod (UID: %v) on node: %v, but the pod is not found on that node", c.Name(), wanted, node.Name())
		}
		victims.Pods = append(victims.Pods, node.Pods[i].Pod)
	}
	return victims, nil
}

// post asks and waits.
func post[T any](c *client, verb string, args any, sizeBytes int) (T, error) {
	answer, err := c.transport.Post(c.url(verb), args, sizeBytes, c.timeout)
	return decode[T](verb, c.url(verb), answer, err)
}
