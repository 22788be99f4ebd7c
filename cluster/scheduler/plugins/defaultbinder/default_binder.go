// Package defaultbinder binds a pod to its node through the API: POST pods/NAME/binding.
package defaultbinder

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// DefaultBinder is a Bind plugin.
type DefaultBinder struct{ handle *framework.Handle }

// New returns the plugin.
func New(h *framework.Handle) *DefaultBinder { return &DefaultBinder{handle: h} }

func (*DefaultBinder) Name() string { return names.DefaultBinder }

// Bind writes the binding.
func (b *DefaultBinder) Bind(c *framework.Cycle, node string, done func(*framework.Status)) {
	b.handle.Actions.Bind(c.Pod.Pod, node, nil, func(err error) { done(framework.AsStatus(err)) })
}
