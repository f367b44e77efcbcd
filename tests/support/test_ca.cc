#include "support/test_ca.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <stdexcept>

#include "base/freed_by.h"

namespace codedriftd::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;

constexpr long kHour = 3600;

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error("OpenSSL: cannot " + what);
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "make a key");
  return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension: " + value);
}

/// An unsigned certificate with a subject, a key and a time of validity, in seconds from now.
Certificate blank(const std::string& common_name, EVP_PKEY* key, long serial, long from, long until) {
  Certificate certificate(X509_new());
  require(certificate != nullptr, "make a certificate");
  X509* const raw = certificate.get();
  X509_set_version(raw, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), serial);
  X509_gmtime_adj(X509_getm_notBefore(raw), from);
  X509_gmtime_adj(X509_getm_notAfter(raw), until);
  X509_set_pubkey(raw, key);
  const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1, "name it");
  return certificate;
}

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

void write_certificate(const std::string& path, X509* certificate) {
  const File file(std::fopen(path.c_str(), "w"));
  require(file != nullptr && PEM_write_X509(file.get(), certificate) == 1, "write " + path);
}

void write_key(const std::string& path, EVP_PKEY* key) {
  const File file(std::fopen(path.c_str(), "w"));
  require(file != nullptr && ::fchmod(::fileno(file.get()), 0600) == 0 &&
              PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write " + path);
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    unsigned char address[16];
    const bool ip =
        ::inet_pton(AF_INET, name.c_str(), address) == 1 || ::inet_pton(AF_INET6, name.c_str(), address) == 1;
    out += (out.empty() ? "" : ",") + std::string(ip ? "IP:" : "DNS:") + name;
  }
  return out;
}

}  // namespace

struct TestCa::Impl {
  std::string folder;
  std::string name;
  Key key = make_key();
  Certificate certificate{};
  long serial = 1;

  /// Signs a certificate for a new key and writes both.
  TlsFiles issue(const std::string& common_name, const std::string& names, const std::string& usage, long from,
                 long until) {
    const Key leaf_key = make_key();
    const Certificate leaf = blank(common_name, leaf_key.get(), ++serial, from, until);
    require(X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate.get())) == 1, "name the issuer");
    add_extension(leaf.get(), certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), certificate.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), certificate.get(), NID_ext_key_usage, usage);
    add_extension(leaf.get(), certificate.get(), NID_subject_key_identifier, "hash");
    add_extension(leaf.get(), certificate.get(), NID_authority_key_identifier, "keyid:always");
    if (!names.empty()) add_extension(leaf.get(), certificate.get(), NID_subject_alt_name, names);
    require(X509_sign(leaf.get(), key.get(), EVP_sha256()) > 0, "sign");
    const std::string base = folder + "/" + name + "-" + std::to_string(serial);
    write_certificate(base + ".pem", leaf.get());
    write_key(base + ".key", leaf_key.get());
    return {base + ".pem", base + ".key", ""};
  }
};

TestCa::TestCa(std::string folder, std::string name) : impl_(new Impl{std::move(folder), std::move(name)}) {
  Certificate root = blank("codedriftd test CA " + impl_->name, impl_->key.get(), 1, -kHour, 24 * kHour);
  require(X509_set_issuer_name(root.get(), X509_get_subject_name(root.get())) == 1, "name the issuer");
  add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(root.get(), root.get(), NID_subject_key_identifier, "hash");
  require(X509_sign(root.get(), impl_->key.get(), EVP_sha256()) > 0, "sign");
  impl_->certificate = std::move(root);
  certificate_file_ = impl_->folder + "/" + impl_->name + ".pem";
  write_certificate(certificate_file_, impl_->certificate.get());
}

TestCa::~TestCa() = default;

TlsFiles TestCa::server(std::vector<std::string> names) {
  return impl_->issue(names.at(0), alternative_names(names), "serverAuth", -kHour, 24 * kHour);
}

TlsFiles TestCa::expired_server(std::vector<std::string> names) {
  return impl_->issue(names.at(0), alternative_names(names), "serverAuth", -24 * kHour, -kHour);
}

TlsFiles TestCa::client(const std::string& common_name) {
  return impl_->issue(common_name, "", "clientAuth", -kHour, 24 * kHour);
}

}  // namespace codedriftd::test
