/* @@ flags: -x nspec=3 */
BEGIN { printf("%d ", speculation()); printf("%d ", speculation()); printf("%d ", speculation()); printf("%d\n", speculation()); exit(0); }
