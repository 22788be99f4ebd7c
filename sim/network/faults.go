package network

import (
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// FaultID names an injected fault, to end it.
type FaultID uint64

// Direction says which way a fault between two sets of machines works.
type Direction uint8

const (
	// Both ways.
	Both Direction = iota
	// To: only what the first set sends to the second.
	To
	// From: only what the second set sends to the first.
	From
)

// Selector is a set of machines by name. Nil means all.
type Selector []string

func (s Selector) matches(x *node) bool {
	return s == nil || slices.Contains(s, x.machine.Name())
}

// fault is something wrong on every path from one set of machines to another.
type fault struct {
	id        FaultID
	a, b      Selector
	direction Direction
	block     bool
	effect    PathConfig
}

func (f *fault) covers(p *path) bool {
	if p.from == p.to {
		return false // A machine reaches itself whatever happens to the network.
	}
	forth := f.a.matches(p.from) && f.b.matches(p.to)
	back := f.a.matches(p.to) && f.b.matches(p.from)
	return f.direction != From && forth || f.direction != To && back
}

// pathSetting is what SetPath was told.
type pathSetting struct {
	from, to Selector
	config   PathConfig
}

// Partition cuts a off from b, both ways or one way, until Heal. Connections stall; they break when a ping expires, or
// go on where the partition is healed in time. A set may be partial: machines in neither reach both.
func (n *Network) Partition(a, b Selector, d Direction) FaultID {
	return n.inject(&fault{a: a, b: b, direction: d, block: true})
}

// Degrade lays an effect over the paths between a and b until Heal. Several add up: delays, chances of loss, the least
// bandwidth. Its Latency replaces the path's.
func (n *Network) Degrade(a, b Selector, d Direction, effect PathConfig) FaultID {
	return n.inject(&fault{a: a, b: b, direction: d, effect: effect})
}

func (n *Network) inject(f *fault) FaultID {
	n.lastFault++
	f.id = n.lastFault
	n.faults = append(n.faults, f)
	n.refreshAll()
	return f.id
}

// Heal ends a fault; one that has ended already stays so.
func (n *Network) Heal(id FaultID) {
	before := len(n.faults)
	n.faults = slices.DeleteFunc(n.faults, func(f *fault) bool { return f.id == id })
	if len(n.faults) != before {
		n.refreshAll()
	}
}

// HealAll ends every fault; SetPath's settings stay.
func (n *Network) HealAll() {
	n.faults = nil
	n.refreshAll()
}

// SetPath describes the paths from some machines to others, one way, instead of what the network's configuration says.
// The latest setting that covers a path counts.
func (n *Network) SetPath(from, to Selector, c PathConfig) {
	n.settings = append(n.settings, pathSetting{from: from, to: to, config: c})
	n.refreshAll()
}

// Clog holds back everything between a and b for a while and then lets it through, without loss, as a full switch
// buffer does. It cannot be healed early.
func (n *Network) Clog(a, b Selector, d Direction, span time.Duration) {
	f := &fault{a: a, b: b, direction: d}
	until := n.simulation.Now().Add(span)
	for _, p := range n.paths {
		if f.covers(p) {
			p.cloggedUntil = max(p.cloggedUntil, until)
		}
	}
	n.refreshAll()
	n.world.After(span, n.refreshAll)
}

// Corrupt breaks every connection between a and b at once, as a damaged segment does: both sides see a reset.
func (n *Network) Corrupt(a, b Selector) {
	f := &fault{a: a, b: b}
	for _, p := range n.paths {
		if !f.covers(p) {
			continue
		}
		for _, e := range p.ends.appendTo(nil) {
			if e.client {
				e.corrupt(n.simulation.Now())
			}
		}
	}
}

func (n *Network) refreshAll() {
	for _, p := range n.paths {
		n.refresh(p)
	}
}

// refresh works out what is in force on a path and lets its connections know.
func (n *Network) refresh(p *path) {
	wasBlocked := p.blocked
	c := PathConfig{}
	for i := range n.settings {
		s := &n.settings[i]
		if s.from.matches(p.from) && s.to.matches(p.to) {
			c = s.config
		}
	}
	p.blocked = false
	for _, f := range n.faults {
		if f.covers(p) {
			p.blocked = p.blocked || f.block
			c.add(f.effect)
		}
	}
	if c.LossPPM >= 1_000_000 {
		p.blocked = true
	}
	p.config = c
	p.abnormal = p.blocked || c.Extra != nil || c.LossPPM > 0 || c.ReorderPPM > 0 || c.CorruptPPM > 0 ||
		p.cloggedUntil > n.simulation.Now()
	n.fillIn(p)
	p.mark()
	p.reverse.mark()
	if wasBlocked && !p.blocked {
		p.opened()
	}
}

// fillIn replaces zero values by what the network says.
func (n *Network) fillIn(p *path) {
	c := &p.config
	if c.Latency == nil {
		c.Latency = n.latencyBetween(p.from.machine, p.to.machine)
	}
	if c.ReorderDelay == nil {
		c.ReorderDelay = sim.Fixed(10 * time.Millisecond)
	}
	c.BytesPerSecond = or(c.BytesPerSecond, n.config.BytesPerSecond)
	p.picosPerByte = 1_000_000_000_000 / c.BytesPerSecond
}

func (c *PathConfig) add(x PathConfig) {
	if x.Latency != nil {
		c.Latency = x.Latency
	}
	if x.Extra != nil {
		c.Extra = addDelay(c.Extra, x.Extra)
	}
	c.LossPPM = either(c.LossPPM, x.LossPPM)
	c.DuplicatePPM = either(c.DuplicatePPM, x.DuplicatePPM)
	c.ReorderPPM = either(c.ReorderPPM, x.ReorderPPM)
	c.CorruptPPM = either(c.CorruptPPM, x.CorruptPPM)
	if x.ReorderDelay != nil {
		c.ReorderDelay = x.ReorderDelay
	}
	if x.BytesPerSecond > 0 && (c.BytesPerSecond == 0 || x.BytesPerSecond < c.BytesPerSecond) {
		c.BytesPerSecond = x.BytesPerSecond
	}
}

// either is the chance of one of two independent things.
func either(a, b uint32) uint32 {
	return uint32(min(uint64(a)+uint64(b)-uint64(a)*uint64(b)/1_000_000, 1_000_000))
}

func addDelay(a, b sim.Distribution) sim.Distribution {
	if a == nil {
		return b
	}
	return sum{a, b}
}

// sum adds two independent draws.
type sum struct{ a, b sim.Distribution }

func (d sum) Sample(u uint64) time.Duration { return d.a.Sample(u) + d.b.Sample(sim.Mix(u, 2)) }
func (d sum) String() string                { return d.a.String() + " + " + d.b.String() }

// mark notes whether messages on the path need a closer look; if so, the ends begin to watch each other.
func (p *path) mark() {
	p.troubled = p.abnormal || p.reverse.abnormal
	if !p.troubled {
		return
	}
	for _, e := range p.ends.appendTo(nil) {
		e.watch()
	}
}

// opened lets what had stalled go on: on this direction, and on the other where acknowledgements were missing.
func (p *path) opened() {
	for _, e := range p.ends.appendTo(nil) {
		e.resume()
	}
	for _, e := range p.reverse.ends.appendTo(nil) {
		e.unacknowledged = 0
		e.resume()
	}
}
