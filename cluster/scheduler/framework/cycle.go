package framework

// Cycle is one attempt to schedule one pod: what plugins are given at each extension point.
type Cycle struct {
	Pod      *PodInfo
	Snapshot *Snapshot

	// SkipFilter and SkipScore are the plugins whose PreFilter or PreScore asked for their Filter or Score to be left out.
	SkipFilter, SkipScore PluginSet

	state []any
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
