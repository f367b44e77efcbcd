#include "support/test_signer.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdexcept>

namespace codedriftd::test {
namespace {

EVP_PKEY* pkey(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

template <typename Write>
std::string pem_text(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> sink(BIO_new(BIO_s_mem()), &BIO_free);
  if (!sink || write(sink.get()) != 1) throw std::runtime_error("OpenSSL cannot write a key");
  char* data = nullptr;
  const long length = BIO_get_mem_data(sink.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

}  // namespace

TestSigner::TestSigner(void* key) : key_(key, [](void* owned) { EVP_PKEY_free(static_cast<EVP_PKEY*>(owned)); }) {
  if (key == nullptr) throw std::runtime_error("OpenSSL cannot make a key");
}

TestSigner TestSigner::ed25519() { return TestSigner(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
TestSigner TestSigner::ecdsa(const std::string& group) {
  return TestSigner(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group.c_str()));
}
TestSigner TestSigner::rsa() { return TestSigner(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})); }

std::string TestSigner::public_pem() const {
  return pem_text([&](BIO* sink) { return PEM_write_bio_PUBKEY(sink, pkey(key_)); });
}
std::string TestSigner::private_pem() const {
  return pem_text([&](BIO* sink) {
    return PEM_write_bio_PKCS8PrivateKey(sink, pkey(key_), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string TestSigner::sign(std::string_view message) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const EVP_MD* digest = EVP_PKEY_get_base_id(pkey(key_)) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t length = 1024;
  std::string signature(length, '\0');
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, pkey(key_)) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, data,
                     message.size()) != 1)
    throw std::runtime_error("OpenSSL cannot sign");
  signature.resize(length);
  return signature;
}

Json TestSigner::signature(std::string_view payload, const std::string& keyid) const {
  const std::string message = fmt::format("DSSEv1 28 application/vnd.in-toto+json {} {}", payload.size(), payload);
  return {{"keyid", keyid}, {"sig", base64(sign(message))}};
}

Json envelope_with(std::string_view payload, const std::vector<Json>& signatures) {
  return {{"payload", base64(payload)}, {"payloadType", "application/vnd.in-toto+json"}, {"signatures", signatures}};
}

Json statement_about(const std::string& name, char digit) {
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", Json::array({{{"name", name}, {"digest", {{"dirHash1", std::string(64, digit)}}}}})},
          {"predicateType", "https://example.com/tested/v1"},
          {"predicate", {{"passed", true}}}};
}

Json provenance(const std::string& builder, const std::string& repository, const std::string& ref,
                const std::string& commit) {
  Json statement = statement_about();
  statement["predicateType"] = "https://slsa.dev/provenance/v1";
  const Json dependency{{"uri", "git+" + repository + "@" + ref}, {"digest", {{"gitCommit", commit}}}};
  statement["predicate"] = {
      {"buildDefinition",
       {{"buildType", "https://example.com/workflow/v1"},
        {"externalParameters", {{"workflow", {{"repository", repository}, {"ref", ref}, {"path", "ci.yml"}}}}},
        {"resolvedDependencies", Json::array({dependency})}}},
      {"runDetails", {{"builder", {{"id", builder}}}}}};
  return statement;
}

}  // namespace codedriftd::test
