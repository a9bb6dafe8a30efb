#!/bin/sh
# Makes the secret files that compose.yaml names, in docker/secrets/; what exists is left as it is.
#
# To rotate a key list (secret_keys, jwt_keys, cursor_keys, peppers, webhook_keys), put a new line before the others
# and start the containers again; remove the old line when what it signed has run out.
set -eu

folder="$(cd "$(dirname "$0")" && pwd)/secrets"
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

for name in database_superuser_password database_owner_password database_app_password \
    redis_password secret_keys jwt_keys cursor_keys peppers webhook_keys metrics_token; do
    if [ ! -e "$folder/$name" ]; then
        # 48 random bytes; letters, digits, - and _ only, so that no file format needs quoting.
        value="$(head -c 48 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_')"
        printf '%s\n' "$value" > "$folder/$name"
        # Inside a container the account has another number: the folder keeps others on this machine out.
        chmod 444 "$folder/$name"
        echo "made $name"
    fi
done

# The mail server's password is somebody else's to give: write it into this file. Empty: none.
if [ ! -e "$folder/email_password" ]; then
    : > "$folder/email_password"
    chmod 444 "$folder/email_password"
    echo "made email_password, empty"
fi
