package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func configEntries() []*Entry {
	return []*Entry{{
		Resource: api.ConfigMaps,
		name:     subdomainName,
		validate: with(validateConfigMap),
		update:   both(validateConfigMapUpdate),
		columns:  configMapColumns,
	}, {
		Resource:      api.Secrets,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultSecret),
		prepareCreate: on(func(_ *Context, s *corev1.Secret) { foldStringData(s) }),
		prepareUpdate: pair(func(_ *Context, s, _ *corev1.Secret) { foldStringData(s) }),
		validate:      with(validateSecret),
		update:        both(validateSecretUpdate),
		selectable:    []string{"type"},
		value:         func(obj api.Object, _ string) string { return string(obj.(*corev1.Secret).Type) },
		columns:       secretColumns,
	}, {
		Resource: api.ServiceAccounts,
		deep:     true,
		name:     subdomainName,
		prepareCreate: on(func(_ *Context, sa *corev1.ServiceAccount) {
			// Tokens are projected, never listed.
			if len(sa.Secrets) == 0 {
				sa.Secrets = nil
			}
		}),
		columns: serviceAccountColumns,
	}}
}

func defaultSecret(s *corev1.Secret) {
	if s.Type == "" {
		s.Type = corev1.SecretTypeOpaque
	}
}

// foldStringData moves the write-only stringData into data.
func foldStringData(s *corev1.Secret) {
	if len(s.StringData) == 0 {
		s.StringData = nil
		return
	}
	if s.Data == nil {
		s.Data = make(map[string][]byte, len(s.StringData))
	}
	for k, v := range s.StringData { //sim:unordered builds a map
		s.Data[k] = []byte(v)
	}
	s.StringData = nil
}

func validateConfigMap(c *corev1.ConfigMap) field.ErrorList {
	var errs field.ErrorList
	size := 0
	for _, k := range sortedKeys(c.Data) {
		errs = append(errs, configKey(k, field.NewPath("data"))...)
		size += len(c.Data[k])
		if _, twice := c.BinaryData[k]; twice {
			errs = append(errs, field.Invalid(field.NewPath("data").Key(k), k, "duplicate of key present in binaryData"))
		}
	}
	for _, k := range sortedKeys(c.BinaryData) {
		errs = append(errs, configKey(k, field.NewPath("binaryData"))...)
		size += len(c.BinaryData[k])
	}
	if size > corev1.MaxSecretSize {
		errs = append(errs, field.TooLong(field.NewPath(""), "", corev1.MaxSecretSize))
	}
	return errs
}

func configKey(key string, path *field.Path) field.ErrorList {
	if isNamePart(key) {
		return nil
	}
	var errs field.ErrorList
	for _, msg := range validation.IsConfigMapKey(key) {
		errs = append(errs, field.Invalid(path.Key(key), key, msg))
	}
	return errs
}

const immutableSet = "field is immutable when `immutable` is set"

func validateConfigMapUpdate(c, old *corev1.ConfigMap) field.ErrorList {
	if !api.Deref(old.Immutable, false) {
		return nil
	}
	var errs field.ErrorList
	if !api.Deref(c.Immutable, false) {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), immutableSet))
	}
	a := &corev1.ConfigMap{Data: c.Data, BinaryData: c.BinaryData}
	b := &corev1.ConfigMap{Data: old.Data, BinaryData: old.BinaryData}
	if !api.Equal(a, b) {
		errs = append(errs, field.Forbidden(field.NewPath("data"), immutableSet))
	}
	return errs
}

func validateSecret(s *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	size := 0
	for _, k := range sortedKeys(s.Data) {
		errs = append(errs, configKey(k, field.NewPath("data"))...)
		size += len(s.Data[k])
	}
	if size > corev1.MaxSecretSize {
		errs = append(errs, field.TooLong(field.NewPath("data"), "", corev1.MaxSecretSize))
	}
	for _, k := range requiredKeys[s.Type] {
		if _, has := s.Data[k]; !has {
			errs = append(errs, field.Required(field.NewPath("data").Key(k), ""))
		}
	}
	return errs
}

// requiredKeys are the keys without which a typed secret is useless.
var requiredKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeDockercfg:        {corev1.DockerConfigKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
}

func validateSecretUpdate(s, old *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	if s.Type != old.Type {
		errs = append(errs, field.Invalid(field.NewPath("type"), s.Type, fieldImmutable))
	}
	if api.Deref(old.Immutable, false) {
		if !api.Deref(s.Immutable, false) {
			errs = append(errs, field.Forbidden(field.NewPath("immutable"), immutableSet))
		}
		if !api.Equal(&corev1.Secret{Data: s.Data}, &corev1.Secret{Data: old.Data}) {
			errs = append(errs, field.Forbidden(field.NewPath("data"), immutableSet))
		}
	}
	return errs
}
