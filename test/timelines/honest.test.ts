// Honest customers who do what looks bad: policy may ask them to wait, no takeover rule may freeze them.

import { test } from "node:test";
import { timeline } from "../../src/testing/timeline-run.ts";
import { shippedRules } from "./shipped.ts";

const honest = timeline(await shippedRules());

test("a new phone, then a withdrawal to a known address: a day's hold, no freeze", () =>
  honest`
    given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[old] knownAddresses=[TXown]
    08:00  LOGIN_SUCCEEDED deviceId=new verifiedWith=[PASSWORD,TOTP]  → HOLD alice
    08:05  WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TXown amountUsdCents=250000 verifiedWith=[TOTP]
  `);

test("a trader who makes keys all day, confirmed by the authenticator", () =>
  honest`
    given  trader  enrolledFactors=[TOTP,SMS] knownDevices=[d1] knownAsns=[64500]
    09:00  trader  LOGIN_SUCCEEDED deviceId=d1 asn=64500 verifiedWith=[PASSWORD,TOTP]
    09:01  trader  API_KEY_CREATED keyId=k1 rights=[READ,TRADE] verifiedWith=[TOTP]
    09:02  trader  API_KEY_CREATED keyId=k2 rights=[TRADE,WITHDRAW] verifiedWith=[TOTP]
    09:03  trader  API_KEY_IP_LIST_CHANGED keyId=k2 ipList=[192.0.2.7] verifiedWith=[TOTP]
    09:10  trader  WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TX1 via=API keyId=k2 amountUsdCents=4900000
  `);

test("a traveller is warned, confirms by the authenticator, pays somebody new, is asked once more", () =>
  honest`
    given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[d1] knownCountries=[DE] knownAddresses=[TXown]
    18:00  LOGIN_SUCCEEDED deviceId=d1 country=HK verifiedWith=[PASSWORD,TOTP]
    18:00  RISK_NOTICE_SENT channel=EMAIL country=HK
    18:03  ADDRESS_ADDED address=TXfriend verifiedWith=[TOTP]
    18:04  WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TXfriend amountUsdCents=100000 verifiedWith=[TOTP]  → STEP_UP alice
  `);

test("the authenticator is not at hand: switched to SMS, nothing else", () =>
  honest`
    given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[d1]
    18:00  RISK_NOTICE_SENT channel=SMS
    18:01  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    18:01  LOGIN_SUCCEEDED deviceId=d1 verifiedWith=[PASSWORD,SMS]
  `);

test("from one authenticator to a better one", () =>
  honest`
    given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[d1]
    18:00  FACTOR_ENROLLED factor=PASSKEY verifiedWith=[TOTP]
    18:05  FACTOR_REMOVED factor=TOTP verifiedWith=[PASSKEY]
    18:06  FACTOR_REMOVED factor=SMS verifiedWith=[PASSKEY]
    18:09  API_KEY_CREATED rights=[TRADE] verifiedWith=[PASSKEY]
  `);

test("a customer with SMS only, on the usual device, makes a key for trading software", () =>
  honest`
    given  alice  enrolledFactors=[SMS] knownDevices=[d1] knownAsns=[64500]
    18:00  LOGIN_SUCCEEDED deviceId=d1 asn=64500 verifiedWith=[PASSWORD,SMS]
    18:05  API_KEY_CREATED rights=[TRADE] verifiedWith=[SMS]
  `);

test("on the day Holdfast starts nothing is known, and nobody is held for it", () =>
  honest`
    00:00  alice  LOGIN_SUCCEEDED deviceId=d1 country=DE asn=64500 verifiedWith=[PASSWORD,SMS]
    00:01  bob    LOGIN_SUCCEEDED deviceId=d2 country=FR asn=64501 verifiedWith=[PASSWORD,TOTP]
    00:02  alice  ADDRESS_ADDED address=TX1 verifiedWith=[SMS]
    00:03  bob    API_KEY_CREATED rights=[TRADE] verifiedWith=[TOTP]
    00:04  alice  WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TX1 amountUsdCents=100000 verifiedWith=[SMS]
  `);
