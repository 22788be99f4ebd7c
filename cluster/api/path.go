package api

import (
	"net/url"
	"strconv"
	"strings"
)

// Path renders the request as the path and query of its URL, as audit logs show it:
// /apis/apps/v1/namespaces/demo/deployments/web/scale.
func Path(r *Request) string {
	var b strings.Builder
	b.WriteString(prefix(r.Resource))
	if r.Resource.Namespaced && r.Namespace != "" {
		b.WriteString("/namespaces/")
		b.WriteString(r.Namespace)
	}
	b.WriteByte('/')
	b.WriteString(r.Resource.Name)
	if r.Name != "" && (r.Verb != VerbCreate || r.Subresource != "") {
		b.WriteByte('/')
		b.WriteString(r.Name)
	}
	if r.Subresource != "" {
		b.WriteByte('/')
		b.WriteString(r.Subresource)
	}
	if q := query(r); len(q) > 0 {
		b.WriteByte('?')
		b.WriteString(q.Encode())
	}
	return b.String()
}

func prefix(r *Resource) string {
	if r.Group == "" {
		return "/api/" + r.Version
	}
	return "/apis/" + r.Group + "/" + r.Version
}

func query(r *Request) url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("resourceVersion", r.ResourceVersion)
	set("resourceVersionMatch", string(r.Match))
	set("continue", r.Continue)
	if r.Limit > 0 {
		q.Set("limit", strconv.FormatInt(r.Limit, 10))
	}
	if r.LabelSelector != nil {
		set("labelSelector", r.LabelSelector.String())
	}
	if r.FieldSelector != nil {
		set("fieldSelector", r.FieldSelector.String())
	}
	if r.Verb == VerbWatch {
		q.Set("watch", "true")
	}
	if r.AllowBookmarks {
		q.Set("allowWatchBookmarks", "true")
	}
	if r.SendInitialEvents {
		q.Set("sendInitialEvents", "true")
	}
	if r.TimeoutSeconds > 0 {
		q.Set("timeoutSeconds", strconv.FormatInt(r.TimeoutSeconds, 10))
	}
	if r.DryRun {
		q.Set("dryRun", "All")
	}
	return q
}
