package kubeproxy

import "slices"

// where is the place of a proxy: what the policy Local and the hints compare with.
type where struct{ node, zone string }

// candidates returns the endpoints that a connection may go to. With the policy Local only those on the node count.
// Ready endpoints serve; where there is none, those serve that are terminating and still answer (pkg/proxy/topology.go).
func (p *Port) candidates(at where, external bool) []Endpoint {
	if external && p.ExternalLocal || !external && p.InternalLocal {
		return usable(p.Endpoints, func(e *Endpoint) bool { return e.Node == at.node && at.node != "" })
	}
	if hinted := p.hinted(at); hinted != nil {
		return hinted
	}
	return usable(p.Endpoints, func(*Endpoint) bool { return true })
}

func usable(all []Endpoint, counts func(*Endpoint) bool) []Endpoint {
	var ready, leaving []Endpoint
	for i := range all {
		e := &all[i]
		switch {
		case !counts(e):
		case e.Ready:
			ready = append(ready, *e)
		case e.Serving && e.Terminating:
			leaving = append(leaving, *e)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return leaving
}

// hinted returns the ready endpoints that the slices' hints give to this node, else to this zone; nil where hints are not
// to be followed: a ready endpoint has none, or none is for here.
func (p *Port) hinted(at where) []Endpoint {
	follow := func(hints func(*Endpoint) []string, here string) []Endpoint {
		var out []Endpoint
		for i := range p.Endpoints {
			e := &p.Endpoints[i]
			if !e.Ready {
				continue
			}
			if len(hints(e)) == 0 {
				return nil
			}
			if slices.Contains(hints(e), here) {
				out = append(out, *e)
			}
		}
		return out
	}
	if at.node != "" {
		if out := follow(func(e *Endpoint) []string { return e.ForNodes }, at.node); len(out) > 0 {
			return out
		}
	}
	if at.zone == "" {
		return nil
	}
	return follow(func(e *Endpoint) []string { return e.ForZones }, at.zone)
}
