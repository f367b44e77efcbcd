#include "attest/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/freed_by.h"
#include "base/sha256.h"
#include "base/unique_fd.h"

namespace codedriftd {
namespace {

constexpr off_t kLargestKeyFile = 65'536;

using PemSource = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using AnyKey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

/// One "-----BEGIN NAME-----" with its bytes.
struct PemBlock {
  std::string name, bytes;
};

enum class NextBlock { read, none, broken };
NextBlock next_block(BIO* source, PemBlock& block) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long length = 0;
  if (PEM_read_bio(source, &name, &header, &data, &length) != 1) {
    const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return end ? NextBlock::none : NextBlock::broken;
  }
  block.name = name;
  block.bytes.assign(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, static_cast<std::size_t>(length));
  return NextBlock::read;
}

/// The one block "PUBLIC KEY". Whatever else a file may hold beside it is refused: it was put there by mistake, and a
/// private key here is one that every reader of the configuration has.
Result<std::string> only_public_key(std::string_view pem, const std::string& name) {
  if (pem.find("PRIVATE KEY-----") != pem.npos) {
    return Error{
        fmt::format("{0}: holds a private key, which only the signer may have; write the public half alone: "
                    "openssl pkey -in {0} -pubout -out FILE, and treat the private one as known to others",
                    name)};
  }
  const PemSource source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!source) throw std::runtime_error("OpenSSL has no memory for a key");
  std::string found;
  PemBlock block;
  while (true) {
    const NextBlock next = next_block(source.get(), block);
    if (next == NextBlock::broken) return Error{fmt::format("{}: is broken PEM; write the key again", name)};
    if (next == NextBlock::none) break;
    if (block.name == PEM_STRING_X509 || block.name == PEM_STRING_X509_TRUSTED) {
      return Error{
          fmt::format("{0}: holds a certificate; the bare key is wanted: openssl x509 -in {0} -pubkey -noout "
                      "> FILE",
                      name)};
    }
    if (block.name == PEM_STRING_RSA_PUBLIC)
      return Error{fmt::format("{}: is an RSA key; Ed25519 and ECDSA P-256 are supported", name)};
    if (block.name != PEM_STRING_PUBLIC)
      return Error{
          fmt::format("{}: holds something else than a public key in PEM; keep only \"-----BEGIN PUBLIC "
                      "KEY-----\" to \"-----END PUBLIC KEY-----\"",
                      name)};
    if (!found.empty())
      return Error{fmt::format("{}: holds several keys; give each a file and a [trust.NAME] of its own", name)};
    found = block.bytes;
  }
  if (!found.empty()) return found;
  return Error{fmt::format("{}: holds no public key in PEM (\"-----BEGIN PUBLIC KEY-----\"){}", name,
                           pem.starts_with("ssh-") || pem.starts_with("ecdsa-")
                               ? ", but one of OpenSSH's; make a key with openssl genpkey -algorithm ed25519"
                               : "")};
}

/// "an RSA key of 2048 bits", for a key that is not supported.
std::string described(const EVP_PKEY* key, const std::string& group) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return fmt::format("an RSA key of {} bits", EVP_PKEY_get_bits(key));
    case EVP_PKEY_EC:
      return group == SN_X9_62_prime256v1 ? "an ECDSA key with its curve written out"
             : group.empty()              ? "an ECDSA key on a curve without a name"
                                          : fmt::format("an ECDSA key on the curve {}", group);
    default: {
      const char* type = EVP_PKEY_get0_type_name(key);
      return fmt::format("a key of the kind {}", type == nullptr ? "unknown" : type);
    }
  }
}

std::string group_of(const EVP_PKEY* key) {
  char name[80] = "";
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1) return {};
  return {name, length};
}

/// The curve is told by its name, and not by parameters of the file's own.
bool names_its_curve(const EVP_PKEY* key) {
  int spelled_out = 0;
  return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelled_out) == 1 &&
         spelled_out == 0;
}

Result<std::string> read_key_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error{fmt::format("{}: {}", path, std::strerror(errno))};
  if (!S_ISREG(info.st_mode)) return Error{fmt::format("{}: is not a regular file; name one file in PEM", path)};
  if ((info.st_mode & 022) != 0) {
    return Error{
        fmt::format("{0}: says whose deployments are accepted, but its mode {1:04o} lets others than its owner "
                    "change it; chmod 0644 {0}",
                    path, info.st_mode & 07777)};
  }
  if (info.st_size > kLargestKeyFile)
    return Error{fmt::format("{}: is {} bytes long; a public key has a few hundred", path, info.st_size)};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace

struct PublicKey::Handle {
  AnyKey key;
};

PublicKey::PublicKey(std::shared_ptr<const Handle> handle, Kind kind, std::string id)
    : handle_(std::move(handle)), kind_(kind), id_(std::move(id)) {}

Result<PublicKey> PublicKey::load(const std::string& path) {
  const Result<std::string> text = read_key_file(path);
  return text ? from_pem(*text, path) : text.error();
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem, const std::string& name) {
  const Result<std::string> der = only_public_key(pem, name);
  if (!der) return der.error();
  const auto* data = reinterpret_cast<const unsigned char*>(der->data());
  const unsigned char* end = data;
  AnyKey key(d2i_PUBKEY(nullptr, &end, static_cast<long>(der->size())));
  ERR_clear_error();
  if (!key || end != data + der->size())
    return Error{
        fmt::format("{}: holds a public key that cannot be read; write it again: openssl pkey -in PRIVATE "
                    "-pubout -out {}",
                    name, name)};
  const std::string group = group_of(key.get());
  Kind kind = Kind::ed25519;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC && group == SN_X9_62_prime256v1 && names_its_curve(key.get())) {
    kind = Kind::ecdsa_p256;
  } else if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    ERR_clear_error();
    return Error{
        fmt::format("{}: is {}; Ed25519 and ECDSA P-256 are supported: openssl genpkey -algorithm ed25519 -out "
                    "PRIVATE, then openssl pkey -in PRIVATE -pubout -out FILE",
                    name, described(key.get(), group))};
  }
  ERR_clear_error();
  auto handle = std::make_shared<Handle>();
  handle->key = std::move(key);
  return PublicKey(std::move(handle), kind, sha256(*der).hex());
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = kind_ == Kind::ed25519 ? nullptr : EVP_sha256();  // Ed25519 has its hash inside
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, handle_->key.get()) != 1) {
    ERR_clear_error();
    throw std::runtime_error("OpenSSL could not begin to verify a signature");
  }
  const int verdict =
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size());
  ERR_clear_error();  // below 0: the signature has no form that could be one
  return verdict == 1;
}

}  // namespace codedriftd
