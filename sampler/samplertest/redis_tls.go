package samplertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisTLS is a redis-server with a port that speaks TLS beside one that does not, both at 127.0.0.1.
type RedisTLS struct {
	Plain, Encrypted string // host:port of each
	Cert, Key        string // files; the certificate is of 127.0.0.1 and example.com and signed by nobody but itself
}

// RedisServerTLS starts a redis-server of the test's own, with args besides. It skips the test where redis-server was built
// without TLS.
func RedisServerTLS(t testing.TB, args ...string) RedisTLS {
	t.Helper()
	if help, _ := exec.Command(Tool(t, "redis-cli"), "--help").CombinedOutput(); !strings.Contains(string(help), "--cacert") {
		t.Skip("redis-server was built without TLS: its redis-cli knows no --cacert")
	}
	dir := t.TempDir()
	s := RedisTLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	certify(t, s.Cert, s.Key)
	plain, encrypted := FreePort(t), FreePort(t)
	s.Plain, s.Encrypted = net.JoinHostPort("127.0.0.1", plain), net.JoinHostPort("127.0.0.1", encrypted)
	RedisServer(t, append([]string{"--bind", "127.0.0.1", "--port", plain, "--tls-port", encrypted,
		"--tls-cert-file", s.Cert, "--tls-key-file", s.Key, "--tls-ca-cert-file", s.Cert}, args...)...)
	return s
}

// certify writes a certificate for servers and clients, and its key.
func certify(t testing.TB, certFile, keyFile string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "heaptop's tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// FreePort returns a port of 127.0.0.1 that nobody listened at a moment ago, below those that systems give to connections,
// so that none takes it meanwhile.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20000 + mathrand.IntN(12000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatal("no port of 1000 is free")
	return ""
}
