package client

import "github.com/fauxkube/fauxkube/cluster/api"

// pageSize is how many objects a reflector asks for at once (client-go tools/pager). A server with a watch cache ignores
// it for resource version "0", and lists of a known version are not paged, so that the cache can serve them.
const pageSize = 500

// listing is a list under way, page by page.
type listing struct {
	resourceVersion string // asked for
	limit           int64
	objects         []api.Object
	pages           int
	full            bool // the pages expired under way: everything at once instead
	unavailable     bool // the second try, at the newest resource version
}

// startList fetches everything by an ordinary list: the way when the server cannot stream it.
func (r *reflector) startList() {
	r.state = stateListing
	r.list = &listing{resourceVersion: r.listResourceVersion(), limit: r.limitFor(r.listResourceVersion())}
	r.fetch(r.list, "")
}

// listResourceVersion is from when on the list must be: any state at first, then never older than what is known, and
// the newest where the server does not have that.
func (r *reflector) listResourceVersion() string {
	switch {
	case r.unavailable:
		return ""
	case r.resourceVersion == "":
		return "0"
	}
	return r.resourceVersion
}

func (r *reflector) limitFor(resourceVersion string) int64 {
	if resourceVersion != "" && resourceVersion != "0" && !r.paged {
		return 0
	}
	return pageSize
}

func (r *reflector) fetch(l *listing, from string) {
	o := &r.informer.options
	request := &api.Request{
		Verb: api.VerbList, Resource: r.informer.resource, Namespace: o.Namespace,
		LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector, Limit: l.limit, Continue: from,
	}
	if from == "" { // A continue token holds the resource version.
		request.ResourceVersion = l.resourceVersion
	}
	r.client.Start(request, func(response *api.Response, err error) {
		if r.list == l {
			r.fetched(l, from, response, err)
		}
	})
}

func (r *reflector) fetched(l *listing, from string, response *api.Response, err error) {
	if err != nil {
		r.listFailed(l, from, err)
		return
	}
	l.pages++
	l.objects = append(l.objects, response.List.Items...)
	if next := response.List.Continue; next != "" {
		r.fetch(l, next)
		return
	}
	r.list = nil
	r.paged = r.paged || l.resourceVersion == "0" && l.pages > 1
	r.inStep(l.objects, response.List.ResourceVersion)
	if r.state == stateWatching {
		r.openWatch()
	}
}

func (r *reflector) listFailed(l *listing, from string, err error) {
	switch {
	case isExpired(err) && from != "" && !l.full:
		// The pages are gone: everything at once, at the resource version asked for first (tools/pager).
		l.full, l.limit, l.objects = true, 0, nil
		r.fetch(l, "")
	case (isExpired(err) || isTooLarge(err)) && !l.unavailable:
		r.unavailable = true
		r.list = &listing{limit: pageSize, unavailable: true}
		r.fetch(r.list, "")
	default:
		r.list = nil
		r.endCycle()
	}
}
