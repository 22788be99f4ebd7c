package queue

import "github.com/fauxkube/fauxkube/cluster/scheduler/framework"

// pool holds the unschedulable pods by the set of plugins that refused them. Pods of one bucket are in the order they came.
type pool struct {
	buckets []*bucket // in the order they were first needed
	byMask  map[framework.PluginSet]*bucket
	count   int
}

type bucket struct {
	rejectors   framework.PluginSet
	first, last *item
}

func (p *pool) add(i *item) {
	b := p.bucket(i.info.Rejectors())
	i.bucket, i.prev, i.next = b, b.last, nil
	if b.last != nil {
		b.last.next = i
	} else {
		b.first = i
	}
	b.last = i
	p.count++
}

func (p *pool) remove(i *item) {
	b := i.bucket
	if i.prev != nil {
		i.prev.next = i.next
	} else {
		b.first = i.next
	}
	if i.next != nil {
		i.next.prev = i.prev
	} else {
		b.last = i.prev
	}
	i.bucket, i.prev, i.next = nil, nil, nil
	p.count--
}

func (p *pool) bucket(rejectors framework.PluginSet) *bucket {
	if b := p.byMask[rejectors]; b != nil {
		return b
	}
	if p.byMask == nil {
		p.byMask = map[framework.PluginSet]*bucket{}
	}
	b := &bucket{rejectors: rejectors}
	p.byMask[rejectors] = b
	p.buckets = append(p.buckets, b)
	return b
}

// candidates returns the pods that an event may concern: those that an interested plugin refused, or nobody did; or all.
func (p *pool) candidates(interested framework.PluginSet, all bool) []*item {
	var found []*item
	for _, b := range p.buckets {
		if !all && b.rejectors&interested == 0 && b.rejectors != 0 {
			continue
		}
		for i := b.first; i != nil; i = i.next {
			found = append(found, i)
		}
	}
	return found
}
