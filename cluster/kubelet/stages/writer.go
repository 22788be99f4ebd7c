package stages

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const second = time.Second

// writer spells the JSON that the well-known templates render, for its length: compact, keys in order.
type writer struct {
	b     []byte
	stamp string // Now
}

// plainText reports whether JSON, and YAML on the way to it, spell a string as it is.
func plainText(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

func plainContainers(containers []corev1.Container) bool {
	for i := range containers {
		if !plainText(containers[i].Name) || !plainText(containers[i].Image) {
			return false
		}
	}
	return len(containers) > 0
}

// raw appends text, in which every ~ stands for the time stamp.
func (w *writer) raw(text string) {
	for i := 0; i < len(text); i++ {
		if text[i] == '~' {
			w.b = append(w.b, w.stamp...)
		} else {
			w.b = append(w.b, text[i])
		}
	}
}

// member appends a key with a plain string value.
func (w *writer) member(key, value string) {
	w.b = append(w.b, '"')
	w.b = append(w.b, key...)
	w.b = append(w.b, `":"`...)
	w.b = append(w.b, value...)
	w.b = append(w.b, '"')
}

func (w *writer) comma(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}

func (w *writer) podReady(containers []corev1.Container, hostIPs, podIPs []string) {
	w.b = make([]byte, 0, 1024)
	w.raw(`{"status":{"conditions":[`)
	for i, t := range readyConditions {
		w.comma(i)
		w.raw(`{"lastTransitionTime":"~","status":"True","type":"`)
		w.raw(string(t))
		w.raw(`"}`)
	}
	w.raw(`],"containerStatuses":[`)
	for i := range containers {
		w.comma(i)
		w.raw(`{`)
		w.member("image", containers[i].Image)
		w.raw(`,`)
		w.member("name", containers[i].Name)
		w.raw(`,"ready":true,"restartCount":0,"state":{"running":{"startedAt":"~"}}}`)
	}
	w.raw(`],`)
	w.addresses("hostIP", hostIPs)
	w.raw(`"initContainerStatuses":null,"phase":"Running",`)
	w.addresses("podIP", podIPs)
	w.raw(`"startTime":"~"}}`)
}

// addresses appends key and keys with a trailing comma, or nothing.
func (w *writer) addresses(key string, ips []string) {
	if len(ips) == 0 {
		return
	}
	w.member(key, ips[0])
	w.raw(`,"` + key + `s":[`)
	for i, ip := range ips {
		w.comma(i)
		w.raw(`{`)
		w.member("ip", ip)
		w.raw(`}`)
	}
	w.raw(`],`)
}

func (w *writer) podEnds(containers []corev1.Container, exitCode int32, reason, phase string) {
	w.b = make([]byte, 0, 512)
	w.raw(`{"status":{"containerStatuses":[`)
	for i := range containers {
		w.comma(i)
		w.raw(`{`)
		w.member("image", containers[i].Image)
		w.raw(`,`)
		w.member("name", containers[i].Name)
		w.raw(`,"ready":false,"restartCount":0,"started":false,"state":{"terminated":{"exitCode":`)
		w.b = strconv.AppendInt(w.b, int64(exitCode), 10)
		w.raw(`,"finishedAt":"~","reason":"` + reason + `","startedAt":"~"}}}`)
	}
	w.raw(`],"phase":"` + phase + `"}}`)
}

func (w *writer) heartbeat(node *corev1.Node, port int) {
	w.b = make([]byte, 0, 1280)
	w.raw(`{"status":{"addresses":[`)
	for i, a := range node.Status.Addresses {
		w.comma(i)
		w.raw(`{`)
		w.member("address", a.Address)
		w.raw(`,`)
		w.member("type", string(a.Type))
		w.raw(`}`)
	}
	w.raw(`],"conditions":[`)
	w.conditions(node)
	w.raw(`]`)
	w.endpoint(port)
	w.raw(`}}`)
}

// conditions appends those of a healthy node.
func (w *writer) conditions(node *corev1.Node) {
	since := node.CreationTimestamp.UTC().Format(time.RFC3339)
	for i, c := range nodeConditions {
		w.comma(i)
		w.raw(`{"lastHeartbeatTime":"~","lastTransitionTime":"` + since + `",`)
		w.member("message", c.Message)
		w.raw(`,`)
		w.member("reason", c.Reason)
		w.raw(`,`)
		w.member("status", string(c.Status))
		w.raw(`,`)
		w.member("type", string(c.Type))
		w.raw(`}`)
	}
}

// endpoint appends the kubelet's port with a leading comma, or nothing.
func (w *writer) endpoint(port int) {
	if port == 0 {
		return
	}
	w.raw(`,"daemonEndpoints":{"kubeletEndpoint":{"Port":`)
	w.b = strconv.AppendInt(w.b, int64(port), 10)
	w.raw(`}}`)
}
