/** Who signs in where the dashboard asks for it. */

const user = { username: "olga", password: "correct horse" };

export const signIn = {
  user,
  flags: ["--user", `${user.username}:admin`],
  env: { CELERIAC_DASHBOARD_PASSWORD: user.password },
} as const;
