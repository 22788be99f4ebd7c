package runtime

import (
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// maxPermitWait is the longest that Permit may delay a pod (pkg/scheduler/framework/runtime/framework.go).
const maxPermitWait = 15 * time.Minute

// Reserve tells the Reserve plugins which node was chosen. After a refusal the caller must Unreserve.
func (f *Framework) Reserve(c *framework.Cycle, node string) *framework.Status {
	for _, p := range f.reserve {
		s := p.Reserve(c, node)
		if s.IsRejected() {
			return s.WithPlugin(p.Name())
		}
		if !s.IsSuccess() {
			return framework.AsStatus(fmt.Errorf("running Reserve plugin %q: %w", p.Name(), s.AsError()))
		}
	}
	return nil
}

// Unreserve undoes Reserve, last plugin first.
func (f *Framework) Unreserve(c *framework.Cycle, node string) {
	for i := len(f.reserve) - 1; i >= 0; i-- {
		f.reserve[i].Unreserve(c, node)
	}
}

// Permit asks for leave to bind. With Wait come the plugins that want to wait, and how long each at most.
func (f *Framework) Permit(c *framework.Cycle, node string) ([]PermitWait, *framework.Status) {
	var waits []PermitWait
	var reasons []string // of the last one
	for _, p := range f.permit {
		s, timeout := p.Permit(c, node)
		switch {
		case s.IsSuccess():
		case s.IsRejected():
			return nil, s.WithPlugin(p.Name())
		case s.IsWait():
			waits = append(waits, PermitWait{p.Name(), min(timeout, maxPermitWait)})
			reasons = s.Reasons()
		default:
			return nil, framework.AsStatus(fmt.Errorf("running Permit plugin %q: %w", p.Name(), s.AsError())).WithPlugin(p.Name())
		}
	}
	if len(waits) > 0 {
		reasons = append(slices.Clone(reasons), "one or more plugins asked to wait and no plugin rejected pod")
		return waits, framework.NewStatus(framework.Wait, reasons...)
	}
	return nil, nil
}

// PermitWait is a plugin that wants a pod to wait.
type PermitWait struct {
	Plugin  string
	Timeout time.Duration
}

// PreFlight asks whether any PreBind plugin has work to do: success if so, Skip if not.
func (f *Framework) PreFlight(c *framework.Cycle, node string) ([]framework.PreBindPlugin, *framework.Status) {
	var busy []framework.PreBindPlugin
	for _, p := range f.preBind {
		s := p.PreFlight(c, node)
		switch {
		case s.IsSuccess():
			busy = append(busy, p)
		case s.IsSkip():
		case s.IsError():
			return nil, framework.AsStatus(fmt.Errorf("running PreBindPreFlight %q: %w", p.Name(), s.AsError()))
		default:
			return nil, framework.AsStatus(fmt.Errorf("PreBindPreFlight %s returned %q, which is unsupported. It is supposed to return Success, Skip, or Error status", p.Name(), s.Code()))
		}
	}
	if len(busy) == 0 {
		return nil, framework.NewStatus(framework.Skip)
	}
	return busy, nil
}

// PreBind runs the given PreBind plugins one after the other.
func (f *Framework) PreBind(plugins []framework.PreBindPlugin, c *framework.Cycle, node string, done func(*framework.Status)) {
	if len(plugins) == 0 {
		done(nil)
		return
	}
	p := plugins[0]
	p.PreBind(c, node, func(s *framework.Status) {
		switch {
		case s.IsRejected():
			done(s.WithPlugin(p.Name()))
		case !s.IsSuccess():
			done(framework.AsStatus(fmt.Errorf("running PreBind plugin %q: %w", p.Name(), s.AsError())))
		default:
			f.PreBind(plugins[1:], c, node, done)
		}
	})
}

// Bind lets an extender bind the pod, or the first Bind plugin that doesn't skip.
func (f *Framework) Bind(c *framework.Cycle, node string, done func(*framework.Status)) {
	f.bindByExtender(0, c, node, done)
}

func (f *Framework) bindFrom(i int, c *framework.Cycle, node string, done func(*framework.Status)) {
	if i == len(f.bind) {
		done(framework.NewStatus(framework.Skip))
		return
	}
	p := f.bind[i]
	p.Bind(c, node, func(s *framework.Status) {
		switch {
		case s.IsSkip():
			f.bindFrom(i+1, c, node, done)
		case s.IsRejected():
			done(s.WithPlugin(p.Name()))
		case !s.IsSuccess():
			done(framework.AsStatus(fmt.Errorf("running Bind plugin %q: %w", p.Name(), s.AsError())))
		default:
			done(nil)
		}
	})
}

// PostBind tells the PostBind plugins of a success.
func (f *Framework) PostBind(c *framework.Cycle, node string) {
	for _, p := range f.postBind {
		p.PostBind(c, node)
	}
}
