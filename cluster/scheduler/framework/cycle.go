package framework

import corev1 "k8s.io/api/core/v1"

// Cycle is one attempt to schedule one pod: what plugins are given at each extension point.
type Cycle struct {
	Pod      *PodInfo
	Snapshot *Snapshot

	// SkipFilter and SkipScore are the plugins whose PreFilter or PreScore asked for their Filter or Score to be left out.
	SkipFilter, SkipScore PluginSet

	// Signature is the pod's, and Number counts the pods popped so far: what batching goes by.
	Signature string
	Number    int64

	// Bare are the nodes to be scored, if an extender sent them back as bare objects: see NodeInfo.Bare.
	Bare []*NodeInfo

	// DryRuns counts the nodes on which PostFilter plugins tried the pod: the cost model charges by it.
	DryRuns int

	state       []any
	publish     []func()
	holds       int
	released    func()
	activations []*corev1.Pod
}

// AfterCharge keeps a side effect until the CPU time of what was computed has passed.
func (c *Cycle) AfterCharge(effect func()) { c.publish = append(c.publish, effect) }

// Publish runs the side effects kept by AfterCharge, in order.
func (c *Cycle) Publish() {
	effects := c.publish
	c.publish = nil
	for _, effect := range effects {
		effect()
	}
}

// Hold keeps the serial loop at this pod until the function that it returns is called: for side effects that the loop waits for.
func (c *Cycle) Hold() (release func()) {
	c.holds++
	return func() {
		if c.holds--; c.holds == 0 && c.released != nil {
			c.released()
		}
	}
}

// Held reports whether anybody keeps the loop.
func (c *Cycle) Held() bool { return c.holds > 0 }

// OnRelease says what to do when nobody does any more.
func (c *Cycle) OnRelease(f func()) { c.released = f }

// Activate asks for pods to be tried again once this pod is assumed, and those asked for later once it is bound.
func (c *Cycle) Activate(pods ...*corev1.Pod) { c.activations = append(c.activations, pods...) }

// TakeActivations returns the pods asked for since the last call.
func (c *Cycle) TakeActivations() []*corev1.Pod {
	pods := c.activations
	c.activations = nil
	return pods
}

// StateKey is a plugin's place in Cycle's memory. Handle.NewStateKey gives one.
type StateKey int

// Cloner is a state that dry runs change: Cycle.Clone clones it. Other states are shared.
type Cloner interface{ CloneState() any }

// NewCycle starts an attempt.
func NewCycle(pod *PodInfo, snapshot *Snapshot) *Cycle { return &Cycle{Pod: pod, Snapshot: snapshot} }

// Write keeps a plugin's state for its later extension points.
func (c *Cycle) Write(key StateKey, state any) {
	for len(c.state) <= int(key) {
		c.state = append(c.state, nil)
	}
	c.state[key] = state
}

// Read returns what was written, or nil.
func (c *Cycle) Read(key StateKey) any {
	if int(key) < len(c.state) {
		return c.state[key]
	}
	return nil
}

// Clone returns a copy for a dry run.
func (c *Cycle) Clone() *Cycle {
	copied := *c
	copied.state = make([]any, len(c.state))
	for i, state := range c.state {
		if cloner, ok := state.(Cloner); ok {
			state = cloner.CloneState()
		}
		copied.state[i] = state
	}
	return &copied
}

// StateOf returns a plugin's state by type; nil if it was not written.
func StateOf[T any](c *Cycle, key StateKey) *T {
	state, _ := c.Read(key).(*T)
	return state
}
