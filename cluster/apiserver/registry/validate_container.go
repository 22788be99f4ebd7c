package registry

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	pullPolicies    = []corev1.PullPolicy{corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}
	protocols       = []corev1.Protocol{corev1.ProtocolSCTP, corev1.ProtocolTCP, corev1.ProtocolUDP}
	messagePolicies = []corev1.TerminationMessagePolicy{corev1.TerminationMessageReadFile, corev1.TerminationMessageFallbackToLogsOnError}
	urlSchemes      = []corev1.URIScheme{corev1.URISchemeHTTP, corev1.URISchemeHTTPS}
)

func validateContainer(c *corev1.Container, volumes map[string]bool, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if c.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), ""))
	} else {
		errs = append(errs, checkDNSLabel(c.Name, at.Child("name"))...)
	}
	switch {
	case c.Image == "":
		errs = append(errs, field.Required(at.Child("image"), ""))
	case strings.TrimSpace(c.Image) != c.Image:
		errs = append(errs, field.Invalid(at.Child("image"), c.Image, "must not have leading or trailing whitespace"))
	}
	errs = append(errs, validatePorts(c.Ports, at.Child("ports"))...)
	errs = append(errs, validateEnv(c.Env, at.Child("env"))...)
	errs = append(errs, validateEnvFrom(c.EnvFrom, at.Child("envFrom"))...)
	errs = append(errs, validateMounts(c.VolumeMounts, volumes, at.Child("volumeMounts"))...)
	errs = append(errs, oneOf(c.ImagePullPolicy, pullPolicies, true, at.Child("imagePullPolicy"))...)
	errs = append(errs, oneOf(c.TerminationMessagePolicy, messagePolicies, true, at.Child("terminationMessagePolicy"))...)
	errs = append(errs, validateResources(&c.Resources, at.Child("resources"))...)
	errs = append(errs, validateHooks(c.Lifecycle, at.Child("lifecycle"))...)
	return append(errs, validateProbes(c, at)...)
}

func validatePorts(ports []corev1.ContainerPort, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names := make(map[string]bool)
	for i, p := range ports {
		at := path.Index(i)
		if p.Name != "" {
			if msgs := validation.IsValidPortName(p.Name); len(msgs) > 0 {
				errs = append(errs, invalid(at.Child("name"), p.Name, msgs)...)
			} else if names[p.Name] {
				errs = append(errs, field.Duplicate(at.Child("name"), p.Name))
			}
			names[p.Name] = true
		}
		if p.ContainerPort == 0 {
			errs = append(errs, field.Required(at.Child("containerPort"), ""))
		} else {
			errs = append(errs, checkPort(p.ContainerPort, at.Child("containerPort"))...)
		}
		if p.HostPort != 0 {
			errs = append(errs, checkPort(p.HostPort, at.Child("hostPort"))...)
		}
		errs = append(errs, oneOf(p.Protocol, protocols, true, at.Child("protocol"))...)
	}
	return errs
}

func validateEnv(env []corev1.EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range env {
		e, at := &env[i], path.Index(i)
		if e.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		} else {
			errs = append(errs, invalid(at.Child("name"), e.Name, validation.IsRelaxedEnvVarName(e.Name))...)
		}
		if e.ValueFrom != nil {
			errs = append(errs, validateEnvSource(e, at.Child("valueFrom"))...)
		}
	}
	return errs
}

func validateEnvSource(e *corev1.EnvVar, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	v, sources := e.ValueFrom, 0
	name := func(name string, at *field.Path) {
		if name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
	}
	if r := v.FieldRef; r != nil {
		sources++
		if r.FieldPath == "" {
			errs = append(errs, field.Required(at.Child("fieldRef", "fieldPath"), ""))
		}
	}
	if r := v.ResourceFieldRef; r != nil {
		sources++
		if r.Resource == "" {
			errs = append(errs, field.Required(at.Child("resourceFieldRef", "resource"), ""))
		}
	}
	if r := v.ConfigMapKeyRef; r != nil {
		sources++
		name(r.Name, at.Child("configMapKeyRef"))
		errs = append(errs, validateKey(r.Key, at.Child("configMapKeyRef", "key"))...)
	}
	if r := v.SecretKeyRef; r != nil {
		sources++
		name(r.Name, at.Child("secretKeyRef"))
		errs = append(errs, validateKey(r.Key, at.Child("secretKeyRef", "key"))...)
	}
	if v.FileKeyRef != nil {
		sources++
	}
	switch {
	case sources == 0:
		errs = append(errs, field.Invalid(at, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"))
	case e.Value != "":
		errs = append(errs, field.Invalid(at, "", "may not be specified when `value` is not empty"))
	case sources > 1:
		errs = append(errs, field.Invalid(at, "", "may not have more than one field specified at a time"))
	}
	return errs
}

func validateKey(key string, at *field.Path) field.ErrorList {
	if key == "" {
		return field.ErrorList{field.Required(at, "")}
	}
	return invalid(at, key, validation.IsConfigMapKey(key))
}

func validateEnvFrom(sources []corev1.EnvFromSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, s := range sources {
		at := path.Index(i)
		if s.Prefix != "" {
			errs = append(errs, invalid(at.Child("prefix"), s.Prefix, validation.IsRelaxedEnvVarName(s.Prefix))...)
		}
		switch {
		case s.ConfigMapRef == nil && s.SecretRef == nil:
			errs = append(errs, field.Invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
		case s.ConfigMapRef != nil && s.SecretRef != nil:
			errs = append(errs, field.Invalid(path, "", "may not have more than one field specified at a time"))
		case s.ConfigMapRef != nil && s.ConfigMapRef.Name == "":
			errs = append(errs, field.Required(at.Child("configMapRef", "name"), ""))
		case s.SecretRef != nil && s.SecretRef.Name == "":
			errs = append(errs, field.Required(at.Child("secretRef", "name"), ""))
		}
	}
	return errs
}

func validateMounts(mounts []corev1.VolumeMount, volumes map[string]bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range mounts {
		m, at := &mounts[i], path.Index(i)
		switch {
		case m.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case !volumes[m.Name]:
			errs = append(errs, field.NotFound(at.Child("name"), m.Name))
		}
		if m.MountPath == "" {
			errs = append(errs, field.Required(at.Child("mountPath"), ""))
		}
		for j := range mounts[:i] {
			if mounts[j].MountPath == m.MountPath {
				errs = append(errs, field.Invalid(at.Child("mountPath"), m.MountPath, "must be unique"))
				break
			}
		}
		if m.SubPath != "" {
			errs = append(errs, relativeInside(m.SubPath, at.Child("subPath"))...)
		}
		if m.SubPath != "" && m.SubPathExpr != "" {
			errs = append(errs, field.Invalid(at.Child("subPathExpr"), m.SubPathExpr, "subPathExpr and subPath are mutually exclusive"))
		}
	}
	return errs
}

func relativeInside(p string, at *field.Path) field.ErrorList {
	if strings.HasPrefix(p, "/") {
		return field.ErrorList{field.Invalid(at, p, "must be a relative path")}
	}
	return noBackstep(p, at)
}

func noBackstep(p string, at *field.Path) field.ErrorList {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return field.ErrorList{field.Invalid(at, p, "must not contain '..'")}
		}
	}
	return nil
}

// validateResources checks names and amounts, and that nothing asks for more than its limit.
func validateResources(r *corev1.ResourceRequirements, path *field.Path) field.ErrorList {
	errs := validateAmounts(r.Limits, path.Child("limits"))
	errs = append(errs, validateAmounts(r.Requests, path.Child("requests"))...)
	for _, name := range sortedKeys(r.Requests) {
		request := r.Requests[name]
		at := path.Child("requests")
		limit, limited := r.Limits[name]
		switch {
		case limited && request.Cmp(limit) != 0 && !overcommits(name):
			errs = append(errs, field.Invalid(at, request.String(), "must be equal to "+string(name)+" limit of "+limit.String()))
		case limited && request.Cmp(limit) > 0:
			errs = append(errs, field.Invalid(at, request.String(), "must be less than or equal to "+string(name)+" limit of "+limit.String()))
		case !limited && !overcommits(name):
			errs = append(errs, field.Required(path.Child("limits"), "Limit must be set for non overcommitable resources"))
		}
	}
	return errs
}

func validateAmounts(l corev1.ResourceList, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range sortedKeys(l) {
		at := path.Key(string(name))
		errs = append(errs, containerResource(name, at)...)
		errs = append(errs, nonNegativeQuantity(l[name], at)...)
	}
	return errs
}

// overcommits says whether a resource may be promised more than once: what Kubernetes itself meters, huge pages aside.
func overcommits(name corev1.ResourceName) bool {
	return !strings.Contains(string(name), "/") && !strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

func containerResource(name corev1.ResourceName, at *field.Path) field.ErrorList {
	s := string(name)
	if errs := checkQualified(s, at); len(errs) > 0 {
		return errs
	}
	if strings.Contains(s, "/") || plainResource(name) || strings.HasPrefix(s, corev1.ResourceHugePagesPrefix) {
		return nil
	}
	return field.ErrorList{
		field.Invalid(at, s, "must be a standard resource type or fully qualified"),
		field.Invalid(at, s, "must be a standard resource for containers"),
	}
}

// validateResourceNames checks a node's capacity.
func validateResourceNames(l corev1.ResourceList, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for name, q := range l { //sim:unordered errors are rare; order is fixed below
		if !isQualified(string(name)) || q.Sign() < 0 {
			errs = nil
			for _, name := range sortedKeys(l) {
				errs = append(errs, checkQualified(string(name), path.Key(string(name)))...)
				errs = append(errs, nonNegativeQuantity(l[name], path.Key(string(name)))...)
			}
			return errs
		}
	}
	return errs
}

func validateProbes(c *corev1.Container, at *field.Path) field.ErrorList {
	errs := validateProbe(c.LivenessProbe, at.Child("livenessProbe"))
	errs = append(errs, validateProbe(c.ReadinessProbe, at.Child("readinessProbe"))...)
	errs = append(errs, validateProbe(c.StartupProbe, at.Child("startupProbe"))...)
	once := func(p *corev1.Probe, child string) {
		if p != nil && p.SuccessThreshold != 1 {
			errs = append(errs, field.Invalid(at.Child(child, "successThreshold"), p.SuccessThreshold, "must be 1"))
		}
	}
	once(c.LivenessProbe, "livenessProbe")
	once(c.StartupProbe, "startupProbe")
	if p := c.ReadinessProbe; p != nil && p.TerminationGracePeriodSeconds != nil {
		errs = append(errs, field.Invalid(at.Child("readinessProbe", "terminationGracePeriodSeconds"), p.TerminationGracePeriodSeconds, "must not be set for readinessProbes"))
	}
	return errs
}

func validateProbe(p *corev1.Probe, at *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	h := corev1.LifecycleHandler{Exec: p.Exec, HTTPGet: p.HTTPGet, TCPSocket: p.TCPSocket}
	errs := validateHandler(&h, p.GRPC, at)
	errs = append(errs, nonNegative(p.InitialDelaySeconds, at.Child("initialDelaySeconds"))...)
	errs = append(errs, nonNegative(p.TimeoutSeconds, at.Child("timeoutSeconds"))...)
	errs = append(errs, nonNegative(p.PeriodSeconds, at.Child("periodSeconds"))...)
	errs = append(errs, nonNegative(p.SuccessThreshold, at.Child("successThreshold"))...)
	errs = append(errs, nonNegative(p.FailureThreshold, at.Child("failureThreshold"))...)
	if g := p.TerminationGracePeriodSeconds; g != nil && *g <= 0 {
		errs = append(errs, field.Invalid(at.Child("terminationGracePeriodSeconds"), *g, "must be greater than 0"))
	}
	return errs
}

func validateHooks(l *corev1.Lifecycle, at *field.Path) field.ErrorList {
	if l == nil {
		return nil
	}
	var errs field.ErrorList
	if l.PostStart != nil {
		errs = append(errs, validateHandler(l.PostStart, nil, at.Child("postStart"))...)
	}
	if l.PreStop != nil {
		errs = append(errs, validateHandler(l.PreStop, nil, at.Child("preStop"))...)
	}
	return errs
}

func validateHandler(h *corev1.LifecycleHandler, grpc *corev1.GRPCAction, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	handlers := 0
	count := func(set bool, child string) bool {
		if set {
			handlers++
			if handlers > 1 {
				errs = append(errs, field.Forbidden(at.Child(child), "may not specify more than 1 handler type"))
				return false
			}
		}
		return set
	}
	if count(h.Exec != nil, "exec") && len(h.Exec.Command) == 0 {
		errs = append(errs, field.Required(at.Child("exec", "command"), ""))
	}
	if count(h.HTTPGet != nil, "httpGet") {
		errs = append(errs, checkPortOrName(h.HTTPGet.Port, at.Child("httpGet", "port"))...)
		errs = append(errs, oneOf(h.HTTPGet.Scheme, urlSchemes, true, at.Child("httpGet", "scheme"))...)
	}
	if count(h.TCPSocket != nil, "tcpSocket") {
		errs = append(errs, checkPortOrName(h.TCPSocket.Port, at.Child("tcpSocket", "port"))...)
	}
	if count(grpc != nil, "grpc") {
		errs = append(errs, checkPort(grpc.Port, at.Child("grpc", "port"))...)
	}
	count(h.Sleep != nil, "sleep")
	if handlers == 0 {
		errs = append(errs, field.Required(at, "must specify a handler type"))
	}
	return errs
}
